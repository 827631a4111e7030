package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process that is told to end closes its device in order and says so. */
@Timeout(300)
final class InterruptTest {

  private static final int TERMINATED = 128 + 15;

  @TempDir Path directory;

  @Test
  void bench_terminated_closesTheDevice() throws Exception {
    Process process = start("bench", "mem:4MiB", "--rw", "randread", "--runtime", "1h");
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      assertThat(out.readLine()).startsWith("Device");
      assertThat(end(process)).isEqualTo(TERMINATED);
    }
    assertThat(errors(process)).isEqualTo("nvmed: interrupted\n");
  }

  @Test
  void write_terminatedWhileItWaitsForInput_closesTheDevice() throws Exception {
    Path image = directory.resolve("w.img");
    Process process = start("write", "file:" + image + "?size=1MiB", "--input", "-");
    process.getOutputStream().write(new byte[100]);
    process.getOutputStream().flush();
    while (!image.toFile().exists() && process.isAlive()) {
      Thread.sleep(10);
    }
    assertThat(end(process)).isEqualTo(TERMINATED);
    assertThat(errors(process)).isEqualTo("nvmed: interrupted\n");
    // Closed in order, so that it can be opened again and the rest of it is as it was.
    assertThat(Cli.run("read", "file:" + image, "--length", "1MiB", "--output", "-").data())
        .containsOnly(0);
  }

  private static int end(Process process) throws InterruptedException {
    process.toHandle().destroy();
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private static String errors(Process process) throws Exception {
    return new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  private static Process start(String... arguments) throws Exception {
    String path =
        Stream.of("java.class.path", "jdk.module.path")
            .map(System::getProperty)
            .filter(Objects::nonNull)
            .collect(Collectors.joining(File.pathSeparator));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", path));
    command.add(Main.class.getName());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).start();
  }
}
