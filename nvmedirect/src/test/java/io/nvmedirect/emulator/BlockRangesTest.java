package io.nvmedirect.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockRangesTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void ranges_behaveAsABitSet(long seed) {
    Random random = new Random(seed);
    BlockRanges ranges = new BlockRanges();
    BitSet expected = new BitSet();
    for (int i = 0; i < 5000; i++) {
      int start = random.nextInt(200);
      int end = start + 1 + random.nextInt(20);
      if (random.nextInt(3) == 0) {
        ranges.add(start, end);
        expected.set(start, end);
      } else {
        ranges.remove(start, end);
        expected.clear(start, end);
      }
      int from = random.nextInt(200);
      int to = from + 1 + random.nextInt(10);
      assertThat(ranges.intersects(from, to)).isEqualTo(!expected.get(from, to).isEmpty());
      assertThat(ranges.isEmpty()).isEqualTo(expected.isEmpty());
    }
  }
}
