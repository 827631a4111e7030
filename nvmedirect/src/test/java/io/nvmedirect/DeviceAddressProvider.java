package io.nvmedirect;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.support.AnnotationConsumer;
import org.junit.jupiter.params.support.ParameterDeclarations;
import org.junit.platform.commons.JUnitException;

/** Gives tests of the API suite their addresses. Public, so that JUnit makes it as it is. */
public final class DeviceAddressProvider
    implements ArgumentsProvider, AnnotationConsumer<DeviceAddresses> {

  private static final String PARAMETER = "nvmedirect.addresses";

  private List<String> defaults = List.of();

  public DeviceAddressProvider() {}

  @Override
  public void accept(DeviceAddresses annotation) {
    defaults = List.of(annotation.value());
  }

  @Override
  public Stream<? extends Arguments> provideArguments(
      ParameterDeclarations parameters, ExtensionContext context) {
    List<String> addresses =
        context
            .getConfigurationParameter(PARAMETER)
            .map(DeviceAddressProvider::split)
            .orElse(defaults);
    return addresses.stream().map(Arguments::of);
  }

  private static List<String> split(String value) {
    List<String> addresses =
        Arrays.stream(value.split(";", -1)).map(String::strip).filter(a -> !a.isEmpty()).toList();
    if (addresses.isEmpty()) {
      throw new JUnitException(
          "%s is \"%s\": expected addresses joined by ;, such as pci:0000:01:00.0"
              .formatted(PARAMETER, value));
    }
    return addresses;
  }
}
