package io.nvmedirect.vmtest.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StuckConsoleTest {

  /** As a guest's kernel said it when QEMU left a virtual CPU. */
  private static final String LINE =
      "[  445.498762] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [khugepaged:36]";

  @TempDir Path directory;

  @Test
  void cpuThatStaysStuck_isNoSlowHost() throws IOException {
    Path console = directory.resolve("console");
    assertThat(VirtualMachine.isStuck(console)).isFalse();
    Files.writeString(console, "booting\n" + LINE + "\n");
    assertThat(VirtualMachine.isStuck(console)).isFalse();
    Files.writeString(console, String.join("\n", Collections.nCopies(5, LINE)));
    assertThat(VirtualMachine.isStuck(console)).isTrue();
  }
}
