package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PositionsTest {

  private static final int BLOCK = 4096;
  private static final int DRAWS = 100_000;

  private static Positions positions(long sizeBytes, int seed, String... lines) {
    return new Positions(Jobs.of(lines).pattern(), sizeBytes, 0, 1, new SplittableRandom(seed));
  }

  private static long[] blocks(Positions positions, int count) {
    return LongStream.generate(() -> positions.next(BLOCK, false) / BLOCK).limit(count).toArray();
  }

  private static Map<Long, Long> counts(Positions positions) {
    return LongStream.of(blocks(positions, DRAWS))
        .boxed()
        .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
  }

  private static long sum(Map<Long, Long> counts, long from, long to) {
    return LongStream.range(from, to).map(block -> counts.getOrDefault(block, 0L)).sum();
  }

  private static long mostFrequent(Map<Long, Long> counts) {
    return counts.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
  }

  @Test
  void next_sequential_wrapsBehindTheLastWholeBlock() {
    Positions positions = positions(4 * BLOCK + 100, 1, "rw=read", "offset=1m");
    assertThat(blocks(positions, 9)).containsExactly(256, 257, 258, 259, 256, 257, 258, 259, 256);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 2", "2, 4", "3, 6"})
  void next_sequential_workersBeginAtTheirShares(int share, long first) {
    Positions positions =
        new Positions(Jobs.of("rw=write").pattern(), 8 * BLOCK, share, 4, new SplittableRandom(1));
    assertThat(blocks(positions, 3)).containsExactly(first, first + 1, (first + 2) % 8);
  }

  /** As with fio, of which each direction is sequential by itself. */
  @Test
  void next_sequentialMixed_readsAndWritesHaveAPositionEach() {
    Positions positions = positions(4 * BLOCK, 1, "rw=rw");
    assertThat(LongStream.generate(() -> positions.next(BLOCK, false) / BLOCK).limit(3))
        .containsExactly(0L, 1L, 2L);
    assertThat(LongStream.generate(() -> positions.next(BLOCK, true) / BLOCK).limit(2))
        .containsExactly(0L, 1L);
    assertThat(positions.next(BLOCK, false) / BLOCK).isEqualTo(3);
    assertThat(positions.next(BLOCK, true) / BLOCK).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 100, 4097})
  void next_withRandomMap_eachBlockOnceAPass(int count) {
    Positions positions = positions((long) count * BLOCK, 1, "rw=randread");
    long[] all = LongStream.range(0, count).toArray();
    long[] first = blocks(positions, count);
    long[] second = blocks(positions, count);
    assertThat(first).containsExactlyInAnyOrder(all);
    assertThat(second).containsExactlyInAnyOrder(all);
    if (count >= 100) {
      assertThat(first).isNotEqualTo(all);
      assertThat(second).isNotEqualTo(first);
    }
  }

  @Test
  void next_withoutRandomMap_repeats() {
    assertThat(LongStream.of(blocks(positions(100 * BLOCK, 1, "rw=randread", "norandommap"), 100)))
        .satisfies(list -> assertThat(list.stream().distinct().count()).isBetween(40L, 90L));
  }

  @Test
  void next_sameSeed_sameSequence() {
    String[] lines = {"rw=randread", "norandommap"};
    long[] first = blocks(positions(1 << 20, 3, lines), 100);
    assertThat(blocks(positions(1 << 20, 3, lines), 100)).isEqualTo(first);
    assertThat(blocks(positions(1 << 20, 4, lines), 100)).isNotEqualTo(first);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rw=randread norandommap",
        "rw=randread",
        "rw=read",
        "rw=randread random_distribution=zipf:1.2",
        "rw=randread random_distribution=zipf:0.5",
        "rw=randread random_distribution=normal:5",
        "rw=randread random_distribution=normal:100",
        "rw=randread random_distribution=zoned:60/10:30/20:10/70",
        "rw=randread random_distribution=zoned:50/0:50/100",
        "rw=randread random_distribution=zoned:50/100:50/0",
      })
  void next_anyDistributionAndSize_isInTheRegion(String load) {
    for (String sizes : new String[] {"bs=4k", "bsrange=4k-64k", "bssplit=512/20:4k/50:12k/30"}) {
      for (long size : new long[] {64 << 10, (64 << 10) + 777, 1 << 20}) {
        Job.Pattern pattern = Jobs.of((load + " offset=8k " + sizes).split(" ")).pattern();
        SplittableRandom random = new SplittableRandom(5);
        Positions positions = new Positions(pattern, size, 0, 1, random);
        for (int i = 0; i < 5000; i++) {
          int length = pattern.blocks().choose(random.nextInt());
          long position = positions.next(length, i % 3 == 0);
          assertThat(position)
              .as("%s, %d bytes of %d", sizes, length, size)
              .isBetween(8192L, 8192 + size - length);
          assertThat((position - 8192) % pattern.blocks().least()).isZero();
        }
      }
    }
  }

  @Test
  void next_zoned_sharesOfTheZones() {
    Map<Long, Long> counts =
        counts(
            positions(
                1000L * BLOCK, 1, "rw=randread", "random_distribution=zoned:60/10:30/20:10/70"));
    Offset<Double> tolerance = Offset.offset(0.01);
    assertThat((double) sum(counts, 0, 100) / DRAWS).isCloseTo(0.6, tolerance);
    assertThat((double) sum(counts, 100, 300) / DRAWS).isCloseTo(0.3, tolerance);
    assertThat((double) sum(counts, 300, 1000) / DRAWS).isCloseTo(0.1, tolerance);
  }

  @Test
  void next_normal_aroundTheMiddle() {
    Map<Long, Long> counts =
        counts(positions(1000L * BLOCK, 1, "rw=randread", "random_distribution=normal:10"));
    Offset<Double> tolerance = Offset.offset(0.01);
    // One and two standard deviations.
    assertThat((double) sum(counts, 400, 600) / DRAWS).isCloseTo(0.683, tolerance);
    assertThat((double) sum(counts, 300, 700) / DRAWS).isCloseTo(0.954, tolerance);
    assertThat((double) sum(counts, 0, 500) / DRAWS).isCloseTo(0.5, tolerance);
  }

  @Test
  void next_zipf_fewBlocksOftenAndTheSameForAllWorkers() {
    String[] lines = {"rw=randread", "random_distribution=zipf:1.2"};
    Map<Long, Long> first = counts(positions(1000L * BLOCK, 1, lines));
    Map<Long, Long> second = counts(positions(1000L * BLOCK, 2, lines));
    long frequent = mostFrequent(first);
    // 1 / (sum of k^-1.2 for k of 1 to 1000) is 0.23; of a uniform choice it is 0.001.
    assertThat((double) first.getOrDefault(frequent, 0L) / DRAWS)
        .isCloseTo(0.23, Offset.offset(0.02));
    assertThat(mostFrequent(second)).isEqualTo(frequent);
    // Its neighbours are not frequent too.
    assertThat(IntStream.of(-1, 1).mapToLong(i -> first.getOrDefault(frequent + i, 0L)))
        .allMatch(count -> count < DRAWS / 20);
    long otherSeed =
        mostFrequent(
            counts(
                positions(
                    1000L * BLOCK,
                    1,
                    "rw=randread",
                    "random_distribution=zipf:1.2",
                    "randseed=12345")));
    assertThat(otherSeed).isNotEqualTo(frequent);
  }
}
