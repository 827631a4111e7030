package io.nvmedirect.vmtest.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunDirectoriesTest {

  @TempDir Path scratch;

  @Test
  void removeStale_removesThoseOfProcessesThatAreGone() throws Exception {
    Process gone = new ProcessBuilder("true").start();
    gone.waitFor();
    Path stale = Files.createDirectories(scratch.resolve("run-" + gone.pid() + "-1"));
    Files.writeString(stale.resolve("console"), "x");
    Path mine = RunDirectories.make(scratch);
    Path other = Files.createDirectories(scratch.resolve("other"));

    RunDirectories.removeStale(scratch);

    assertThat(stale).doesNotExist();
    assertThat(mine).exists();
    assertThat(other).exists();
  }

  @Test
  void removeStale_noDirectory_isNothing() throws IOException {
    Path none = scratch.resolve("none");
    RunDirectories.removeStale(none);
    assertThat(none).doesNotExist();
  }
}
