package io.nvmedirect.cli;

import io.nvmedirect.DeviceOptions;
import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** The option of every verb that opens an address. */
final class NamespaceOption {

  private int namespace;

  @Spec(Target.MIXEE)
  @SuppressWarnings("NullAway.Init")
  CommandSpec spec;

  @Option(
      names = "--namespace",
      paramLabel = "N",
      description = "The namespace; without it the address's, or the first.")
  void setNamespace(int namespace) {
    if (namespace < 1) {
      throw new ParameterException(
          spec.commandLine(), "--namespace is at least 1: namespace=" + namespace);
    }
    this.namespace = namespace;
  }

  /** Opens a device that Ctrl-C closes in order. */
  @SuppressWarnings("MustBeClosedChecker") // the session closes it
  Session open(String address, Stop stop) throws IOException {
    stop.enter();
    try {
      DeviceOptions options = DeviceOptions.defaults();
      return new Session(
          NvmeDevice.open(address, namespace == 0 ? options : options.withNamespace(namespace)),
          stop);
    } catch (IOException | RuntimeException | Error e) {
      stop.leave();
      throw e;
    }
  }
}
