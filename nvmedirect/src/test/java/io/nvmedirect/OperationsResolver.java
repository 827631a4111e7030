package io.nvmedirect;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives tests their {@link Operations}. Public, so that JUnit makes it without the package opened. */
public final class OperationsResolver implements ParameterResolver {

  private static final String PARAMETER = "nvmedirect.operations";

  public OperationsResolver() {}

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Operations.class;
  }

  @Override
  public Operations resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getConfigurationParameter(PARAMETER)
        .map(OperationsResolver::parse)
        .orElse(new Operations(Operations.DEFAULT));
  }

  private static Operations parse(String value) {
    if (!value.matches("[1-9][0-9]{0,8}")) {
      throw new ParameterResolutionException(
          "%s is \"%s\": expected a number from 1 to 999999999".formatted(PARAMETER, value));
    }
    return new Operations(Integer.parseInt(value));
  }
}
