package io.nvmedirect.vmtest.machine;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Programs of the host. */
final class Programs {

  private Programs() {}

  /** Where a program is; null if there is none of that name. */
  static @Nullable Path find(String name) {
    String path = Objects.requireNonNullElse(System.getenv("PATH"), "");
    for (String directory : (path + ":/usr/sbin:/sbin:/usr/bin:/bin").split(":", -1)) {
      Path program = Path.of(directory, name);
      if (!directory.isEmpty() && Files.isExecutable(program) && !Files.isDirectory(program)) {
        return program;
      }
    }
    return null;
  }

  /** What a command prints, errors included. */
  record Output(int status, String text) {}

  static Output run(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    try (InputStream out = process.getInputStream()) {
      String text = new String(out.readAllBytes(), StandardCharsets.UTF_8);
      return new Output(process.waitFor(), text);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted: " + command, e);
    }
  }

  /** Runs a command that must succeed, and gives what it prints. */
  static String runWell(List<String> command) throws IOException {
    Output output = run(command);
    if (output.status() != 0) {
      throw new IOException(
          "status %d of %s: %s"
              .formatted(output.status(), String.join(" ", command), output.text().strip()));
    }
    return output.text();
  }
}
