package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class ProgressTest {

  private final ByteArrayOutputStream terminal = new ByteArrayOutputStream();
  private final PrintStream stream = new PrintStream(terminal, true, StandardCharsets.UTF_8);

  @Test
  void bytes_drawsBarAndClearsIt() {
    try (Progress progress = new Progress(stream, "copy", 1000)) {
      progress.bytes(500);
      progress.bytes(600); // at once: not drawn
    }
    assertThat(terminal.toString(StandardCharsets.UTF_8))
        .startsWith("\r\033[Kcopy  [############............]  50%  500 B  ")
        .contains(" MB/s")
        .contains(" s left")
        .endsWith("\r\033[K")
        .doesNotContain("60%", "\n");
  }

  @Test
  void bytes_totalUnknown() {
    try (Progress progress = new Progress(stream, "write", 0)) {
      progress.bytes(4096);
    }
    assertThat(terminal.toString(StandardCharsets.UTF_8))
        .contains("write  4 KiB  ")
        .doesNotContain("%", "left");
  }

  @Test
  void note_noTerminal() {
    try (Progress progress = Progress.of("read", 10)) {
      progress.note(5, "half");
    }
    assertThat(terminal.size()).isZero();
  }
}
