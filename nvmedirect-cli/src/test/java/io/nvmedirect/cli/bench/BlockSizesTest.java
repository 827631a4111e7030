package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

final class BlockSizesTest {

  private static final int CHOICES = 100_000;

  private static Map<Integer, Integer> counts(BlockSizes sizes) {
    SplittableRandom random = new SplittableRandom(1);
    Map<Integer, Integer> counts = new TreeMap<>();
    for (int i = 0; i < CHOICES; i++) {
      counts.merge(sizes.choose(random.nextInt()), 1, Integer::sum);
    }
    return counts;
  }

  private static void assertShare(Map<Integer, Integer> counts, int bytes, double percent) {
    assertThat(100.0 * counts.getOrDefault(bytes, 0) / CHOICES)
        .as("share of %d", bytes)
        .isCloseTo(percent, Offset.offset(1.0));
  }

  @Test
  void choose_one() {
    assertThat(counts(BlockSizes.of(4096))).containsOnlyKeys(4096);
  }

  @Test
  void choose_split() {
    Map<Integer, Integer> counts =
        counts(new BlockSizes(List.of(512, 4096, 65536), List.of(10, 60, 30)));
    assertThat(counts).containsOnlyKeys(512, 4096, 65536);
    assertShare(counts, 512, 10);
    assertShare(counts, 4096, 60);
    assertShare(counts, 65536, 30);
  }

  @Test
  void choose_range_allMultiplesEquallyOften() {
    Map<Integer, Integer> counts = counts(BlockSizes.range(4096, 16384));
    assertThat(counts).containsOnlyKeys(4096, 8192, 12288, 16384);
    counts.keySet().forEach(bytes -> assertShare(counts, bytes, 25));
  }

  @Test
  void choose_extremesOfTheBits() {
    BlockSizes split = new BlockSizes(List.of(512, 4096), List.of(1, 99));
    assertThat(split.choose(0)).isEqualTo(512);
    assertThat(split.choose(-1)).isEqualTo(4096);
    BlockSizes range = BlockSizes.range(512, 4096);
    assertThat(range.choose(0)).isEqualTo(512);
    assertThat(range.choose(-1)).isEqualTo(4096);
  }
}
