package io.nvmedirect.cli;

import java.io.IOException;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** The address of a verb that works on one device. */
final class DeviceArguments {

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "ADDRESS",
      defaultValue = "mem:256MiB",
      description = "The device, see 'nvmed --help' (default: ${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  String address;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  NamespaceOption namespace;

  Session openToRead(Stop stop) throws IOException {
    return namespace.openToRead(address, stop);
  }

  Session openToWrite(Stop stop) throws IOException {
    return namespace.openToWrite(address, stop);
  }
}
