package io.nvmedirect.benchmarks;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Other processes that keep cores busy. Each ends when it is closed, or with the process that has started
 * it: its input has an end then.
 */
final class Neighbour implements AutoCloseable {

  private final List<Process> processes = new ArrayList<>();

  /** Starts processes of one busy thread each. */
  Neighbour(int count) throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    try {
      for (int i = 0; i < count; i++) {
        Process process =
            new ProcessBuilder(
                    java,
                    "-XX:+UseSerialGC",
                    "-Xmx16m",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Neighbour.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        processes.add(process);
        // It is busy from its first byte on.
        if (process.getInputStream().read() < 0) {
          throw new IOException("the neighbour ended with " + process.exitValue());
        }
      }
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** The neighbour itself: busy until its input ends. */
  public static void main(String[] args) throws IOException {
    Thread busy =
        Thread.ofPlatform()
            .daemon()
            .start(() -> {
              while (!Thread.interrupted()) {
                Thread.onSpinWait();
              }
            });
    System.out.write('\n');
    System.out.flush();
    System.in.transferTo(OutputStream.nullOutputStream());
    busy.interrupt();
  }

  @Override
  public void close() {
    for (Process process : processes) {
      process.destroyForcibly();
      process.onExit().join();
    }
  }
}
