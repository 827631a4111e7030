package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PermutationTest {

  private static long[] order(int bound, Permutation permutation) {
    return LongStream.range(0, bound).map(permutation::at).toArray();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 100, 4097, 65536})
  void at_eachNumberOnce(int bound) {
    for (long key : new long[] {0, 1, -1, 0x1234_5678_9abc_def0L}) {
      assertThat(LongStream.of(order(bound, new Permutation(bound, key))).sorted().toArray())
          .as("key %d", key)
          .isEqualTo(LongStream.range(0, bound).toArray());
    }
  }

  @Test
  void at_otherKey_otherOrder() {
    Permutation permutation = new Permutation(4097, 1);
    long[] first = order(4097, permutation);
    permutation.rekey(2);
    assertThat(order(4097, permutation)).isNotEqualTo(first);
    permutation.rekey(1);
    assertThat(order(4097, permutation)).isEqualTo(first);
  }

  @Test
  void at_largeBound_staysBelow() {
    long bound = (1L << 40) + 1;
    Permutation permutation = new Permutation(bound, 7);
    assertThat(LongStream.range(bound - 1000, bound).map(permutation::at).distinct())
        .hasSize(1000)
        .allMatch(number -> number >= 0 && number < bound);
  }
}
