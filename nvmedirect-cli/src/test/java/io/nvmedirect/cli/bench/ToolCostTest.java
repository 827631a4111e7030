package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ToolCostTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rw=randread iodepth=32",
        "rw=randrw iodepth=1 bsrange=4k-64k",
        "rw=randwrite iodepth=8 random_distribution=zipf:1.1"
      })
  void of_anyLoad_takesTimeAndAllocatesNothing(String load) throws IOException {
    ToolCost cost = ToolCost.of(Jobs.of(load.split(" ")));
    assertThat(cost.nsPerIo()).isPositive();
    assertThat(cost.bytesPerIo()).isBetween(0.0, 1.0);
  }
}
