package io.nvmedirect.vmtest.processes;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.cli.Main;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** {@code nvmed serve} in a process of its own. */
final class ServerProcess implements AutoCloseable {

  private final Process process;
  private final BufferedReader output;
  private final Path socket;

  private ServerProcess(Process process, Path socket) {
    this.process = process;
    this.output = process.inputReader();
    this.socket = socket;
  }

  /** Starts it, and waits until it serves a device at a socket. */
  static ServerProcess start(Path socket, String device, String... options) throws IOException {
    return start(List.of(), socket, device, options);
  }

  /** Starts it with options of the JVM's as well. */
  static ServerProcess start(List<String> jvmOptions, Path socket, String device, String... options)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "serve",
                "vfio-user:" + socket,
                "--device",
                device));
    command.addAll(1, jvmOptions);
    command.addAll(List.of(options));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    ServerProcess made = new ServerProcess(process, socket);
    boolean serves = false;
    try {
      process.getOutputStream().close();
      made.awaitLine("serving " + device + " at vfio-user:" + socket);
      serves = true;
      return made;
    } finally {
      if (!serves) {
        made.kill();
      }
    }
  }

  private void awaitLine(String expected) throws IOException {
    StringBuilder said = new StringBuilder();
    String line;
    do {
      line = output.readLine();
      said.append(line).append('\n');
    } while (line != null && !line.equals(expected));
    assertThat(line).as("what the server said: %s", said).isEqualTo(expected);
  }

  String address() {
    return "vfio-user:" + socket;
  }

  /** Descriptors that it has open. */
  long descriptors() throws IOException {
    try (Stream<Path> fds = Files.list(Path.of("/proc", String.valueOf(process.pid()), "fd"))) {
      return fds.count();
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGKILL: nothing is closed in order. */
  void kill() {
    process.destroyForcibly();
    process.onExit().join();
  }

  /** Ends it as Ctrl-C does; it has deleted its socket then. */
  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }
}
