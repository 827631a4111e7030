package io.nvmedirect.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The load programs, shortened to what shows that they work: a row for each combination. */
@Timeout(300)
class LoadsTest {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  private void assertRows(String address, int rows) {
    assertThat(bytes.toString(StandardCharsets.UTF_8).lines())
        .filteredOn(line -> line.startsWith("| `" + address + "` |"))
        .hasSize(rows);
  }

  @Test
  void policyLoad_printsARowForEachPolicy() throws Exception {
    PolicyLoad.run(out, "--smoke", "mem:4MiB?model=flash", "mem:4MiB");
    assertRows("mem:4MiB?model=flash", 3);
    assertRows("mem:4MiB", 3);
  }

  @Test
  void neighbourLoad_printsARowForEachPolicyAndDepth() throws Exception {
    NeighbourLoad.run(out, "--smoke", "mem:4MiB?mode=thread");
    assertRows("mem:4MiB?mode=thread", 6);
  }

  @Test
  void virtualThreadsLoad_printsARow() throws Exception {
    VirtualThreadsLoad.run(out, "--smoke", "mem:4MiB?mode=thread");
    assertRows("mem:4MiB?mode=thread", 1);
  }

  @Test
  void unknownOption_isNamed() {
    assertThatThrownBy(() -> PolicyLoad.run(out, "--slow"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("--slow")
        .hasMessageContaining("--smoke");
  }
}
