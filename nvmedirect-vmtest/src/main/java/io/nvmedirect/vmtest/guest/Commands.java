package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Programs of the guest. */
final class Commands {

  private Commands() {}

  /** Runs a program that succeeds, and gives what it printed. */
  static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("%s: %s", List.of(command), output).isZero();
    return output;
  }

  /** A program that the guest may have; null if it does not. */
  static @Nullable Path find(String program) {
    for (String directory : List.of("/usr/sbin", "/usr/bin", "/sbin", "/bin")) {
      Path path = Path.of(directory, program);
      if (Files.isExecutable(path)) {
        return path;
      }
    }
    return null;
  }
}
