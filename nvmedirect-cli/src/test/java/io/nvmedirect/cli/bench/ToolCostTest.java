package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
final class ToolCostTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rw=randread iodepth=32",
        "rw=randrw iodepth=1 bsrange=4k-64k",
        "rw=randwrite iodepth=8 random_distribution=zipf:1.1"
      })
  void of_anyLoad_takesTimeAndAllocatesNothing(String load) throws IOException {
    ToolCost cost = null;
    while (cost == null) {
      cost = ToolCost.of(Jobs.of(load.split(" ")));
    }
    assertThat(cost.nsPerIo()).isPositive();
    assertThat(cost.bytesPerIo()).isBetween(0.0, 1.0);
  }

  /** A thread that got no core while it was to measure has nothing to tell, and that costs no nothing. */
  @Test
  void best_slicesThatMeasuredNothing_doNotCount() throws IOException {
    ToolCost.Slice[] slices = {
      new ToolCost.Slice(0, 1, 0),
      new ToolCost.Slice(50_000, 1000, 250),
      new ToolCost.Slice(0, 0, 0),
      new ToolCost.Slice(900, 999, 0),
      new ToolCost.Slice(50_000_000, 0, 0),
      new ToolCost.Slice(80_000, 2000, 500),
      new ToolCost.Slice(60_000, 1000, 0),
      new ToolCost.Slice(70_000, 1000, 0),
      new ToolCost.Slice(1000, 1000, 0)
    };
    int[] taken = new int[1];
    assertThat(ToolCost.best(() -> slices[taken[0]++])).isEqualTo(new ToolCost(40, 0.25));
    assertThat(taken[0]).as("four good ones are enough").isEqualTo(8);
  }

  @Test
  void best_nothingMeasured_isNull() throws IOException {
    int[] taken = new int[1];
    assertThat(
            ToolCost.best(() -> {
              taken[0]++;
              return new ToolCost.Slice(0, 1, 0);
            }))
        .isNull();
    assertThat(taken[0]).isEqualTo(40);
  }
}
