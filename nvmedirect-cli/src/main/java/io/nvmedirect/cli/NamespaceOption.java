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

  /** Opens a device that may be in use, for reading only; Ctrl-C closes it in order. */
  Session openToRead(String address, Stop stop) throws IOException {
    return open(address, stop, true);
  }

  /** Opens a device that nobody else may have; Ctrl-C closes it in order. */
  Session openToWrite(String address, Stop stop) throws IOException {
    return open(address, stop, false);
  }

  @SuppressWarnings("MustBeClosedChecker") // the session closes it
  private Session open(String address, Stop stop, boolean readOnly) throws IOException {
    stop.enter();
    try {
      DeviceOptions options = DeviceOptions.defaults().withReadOnly(readOnly);
      return new Session(
          NvmeDevice.open(address, namespace == 0 ? options : options.withNamespace(namespace)),
          stop);
    } catch (IOException | RuntimeException | Error e) {
      stop.leave();
      throw e;
    }
  }
}
