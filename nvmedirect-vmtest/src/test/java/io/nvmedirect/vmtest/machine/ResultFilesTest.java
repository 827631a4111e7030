package io.nvmedirect.vmtest.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.report.Outcome;
import io.nvmedirect.vmtest.report.TestResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What ./verify says of the virtual machine. */
final class ResultFilesTest {

  private static final TestResult RESULT =
      new TestResult("plain", "a.FooTest", "works()", Outcome.PASSED, 5, "", List.of());

  @TempDir Path directory;

  private String file(String name) throws IOException {
    return Files.readString(directory.resolve(name));
  }

  @Test
  void verdict_countsOutcomes() throws IOException {
    try (ResultFiles files = new ResultFiles(directory)) {
      files.add(RESULT);
      files.add(RESULT);
    }
    assertThat(file("verdict")).matches("2 tests passed, 0 failed, 0 skipped in \\d+ s\n");
    assertThat(file("results.txt")).contains("PASSED\t5 ms\tplain: FooTest > works()");
  }

  @Test
  void verdict_ofASecondRun_saysSo() throws IOException {
    try (ResultFiles files = new ResultFiles(directory)) {
      files.crashed("QEMU ended with status 139");
      files.add(RESULT);
    }
    assertThat(file("verdict"))
        .matches(
            "1 tests passed, 0 failed, 0 skipped in \\d+ s; QEMU crashed or stopped, and 1 of the machines ran again\n");
    assertThat(file("results.txt")).contains("RUN AGAIN", "QEMU ended with status 139");
  }

  @Test
  void verdict_withoutAMachine_saysWhy() throws IOException {
    try (ResultFiles files = new ResultFiles(directory)) {
      files.skipped("no QEMU");
    }
    assertThat(file("verdict")).isEqualTo("SKIPPED, no QEMU\n");
  }
}
