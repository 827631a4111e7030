package io.nvmedirect;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.provider.ArgumentsSource;

/**
 * Marks a parameterized class or method as one of the API suite, which runs over any device: the
 * parameter is the device's address. The addresses are those of the configuration parameter {@code
 * nvmedirect.addresses}, joined by {@code ;}, or else the ones given here.
 *
 * <p>The device belongs to the suite alone and loses its data. It is not fresh: a test writes before it
 * reads, has the device open once at a time, and cleans up blocks that it made unreadable. A test that
 * needs the emulator is tagged {@code emulator} and uses {@code mem:} devices of its own; over real
 * devices the suite is the tag expression {@code api & !emulator}.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Tag("api")
@ArgumentsSource(DeviceAddressProvider.class)
@ExtendWith(OperationsResolver.class)
public @interface DeviceAddresses {

  /** The addresses where the configuration parameter has none. */
  String[] value();
}
