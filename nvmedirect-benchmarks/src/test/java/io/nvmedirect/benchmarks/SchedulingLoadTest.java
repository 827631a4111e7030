package io.nvmedirect.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class SchedulingLoadTest {

  private static String run(String... arguments) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
      SchedulingLoad.run(List.of(arguments), out);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void smoke_printsEveryRow() throws IOException {
    String printed = run("mem:64MiB?model=flash", "--smoke");
    assertThat(printed)
        .contains("| none |", "| 1:1 |", "| 3:1 |", "| 10:1 |")
        .contains("| reads of 4 KiB | latency, batch |", "| reads of 128 KiB | none |")
        .contains("| writes of 4 KiB | none |", "| writes of 128 KiB | latency, batch |");
  }

  @Test
  void badArguments_areNamed() {
    assertThatThrownBy(() -> run("--fast"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("--fast");
  }
}
