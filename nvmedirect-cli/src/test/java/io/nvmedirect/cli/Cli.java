package io.nvmedirect.cli;

import io.nvmedirect.sysfs.Roots;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.Channels;
import java.nio.file.Path;

/** Runs a verb in this process. */
final class Cli {

  /**
   * What a verb left.
   *
   * @param out text on standard output
   * @param data bytes on standard output
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Result(int status, String out, String err, byte[] data) {}

  private Cli() {}

  static Result run(String... arguments) {
    return run(new byte[0], Path.of("/nonexistent"), arguments);
  }

  /** On a machine that has its /sys, /proc and /dev below {@code root}. */
  static Result run(byte[] input, Path root, String... arguments) {
    return run(input, Roots.under(root), new LiveDriverSteps(), arguments);
  }

  static Result run(byte[] input, Roots roots, DriverSteps steps, String... arguments) {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    Streams streams =
        new Streams(
            () -> Channels.newChannel(new ByteArrayInputStream(input)),
            () -> Channels.newChannel(data),
            roots,
            steps);
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status =
        Nvmed.commandLine(new Nvmed(streams, new Stop()), arguments)
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .execute(arguments);
    return new Result(status, out.toString(), err.toString(), data.toByteArray());
  }
}
