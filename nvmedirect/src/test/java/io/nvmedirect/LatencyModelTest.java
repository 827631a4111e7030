package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.spec.Opcode;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LatencyModelTest {

  private static final int READ = LatencyModel.kind(Opcode.READ, 4096);

  private final LatencyModel model = new LatencyModel();

  private void exact(int times, long latencyNs) {
    for (int i = 0; i < times; i++) {
      model.exact(READ, latencyNs);
    }
  }

  @Test
  void kind_isCommandAndMagnitudeOfLength() {
    assertThat(LatencyModel.kind(Opcode.READ, 4096))
        .isEqualTo(LatencyModel.kind(Opcode.READ, 8191));
    assertThat(LatencyModel.kind(Opcode.READ, 4096))
        .isNotEqualTo(LatencyModel.kind(Opcode.READ, 8192))
        .isNotEqualTo(LatencyModel.kind(Opcode.WRITE, 4096));
    assertThat(LatencyModel.kind(Opcode.FLUSH, 0)).isNotEqualTo(LatencyModel.kind(Opcode.WRITE, 0));
    for (int opcode = 0; opcode < 256; opcode++) {
      model.exact(LatencyModel.kind(opcode, Long.MAX_VALUE), 1);
    }
  }

  @Test
  void unknownOrShortLatency_isPolledFor() {
    assertThat(model.sleepNs(READ)).isZero();
    assertThat(model.pollNs(READ)).isPositive();
    exact(100, LatencyModel.SHORT_NS - 1);
    assertThat(model.sleepNs(READ)).isZero();
  }

  @Test
  void steadyLatency_isSleptFor() {
    exact(100, 80_000);
    assertThat(model.meanNs(READ)).isEqualTo(80_000);
    assertThat(model.sleepNs(READ)).isBetween(70_000L, 80_000L);
    assertThat(model.sleepNs(LatencyModel.kind(Opcode.WRITE, 4096))).isZero();
  }

  @Test
  void varyingLatency_leavesAMargin() {
    SplittableRandom random = new SplittableRandom(1);
    int early = 0;
    for (int i = 0; i < 10_000; i++) {
      long latency = 65_000 + random.nextLong(24_000);
      if (i > 100 && model.sleepNs(READ) > latency) {
        early++;
      }
      model.exact(READ, latency);
    }
    assertThat(model.sleepNs(READ)).isGreaterThan(50_000);
    assertThat(early).isLessThan(1000);
  }

  @Test
  void lateWakeUps_shortenTheSleep_butNotForEver() {
    exact(100, 80_000);
    long before = model.sleepNs(READ);
    for (int i = 0; i < 100; i++) {
      model.overslept(10_000);
    }
    assertThat(model.sleepNs(READ)).isBetween(before - 10_100, before - 9_000);
    exact(100, 24_000);
    for (int i = 0; i < 100; i++) {
      model.overslept(1_000_000_000);
    }
    assertThat(model.sleepNs(READ)).isZero();
    exact(100, 24_000);
    assertThat(model.sleepNs(READ)).isPositive();
  }

  @Test
  void fewSlowOperations_doNotKeepTheRestFromSleeping() {
    exact(100, 80_000);
    for (int i = 0; i < 100; i++) {
      exact(1, 5_000_000);
      exact(9, 80_000);
    }
    assertThat(model.sleepNs(READ)).isBetween(40_000L, 85_000L);
  }

  @Test
  void latencyThatHasRisen_isLearned() {
    exact(100, 80_000);
    exact(200, 1_000_000);
    assertThat(model.meanNs(READ)).isBetween(950_000L, 1_000_000L);
  }

  /** Sleeping hides how long an operation took: that must not make the estimate grow. */
  @Test
  void earlyOperations_neverLengthenTheSleep() {
    exact(100, 80_000);
    long last = model.sleepNs(READ);
    for (int i = 0; i < 100; i++) {
      model.early(READ, 90_000);
      assertThat(model.sleepNs(READ)).isLessThanOrEqualTo(last);
      last = model.sleepNs(READ);
    }
    assertThat(last).isZero();
  }

  @Test
  void latencyBeyondThePolling_raisesTheEstimate() {
    exact(100, 80_000);
    for (int i = 0; i < 200; i++) {
      model.late(READ, model.sleepNs(READ) + model.pollNs(READ));
    }
    assertThat(model.meanNs(READ)).isGreaterThan(500_000);
    long mean = model.meanNs(READ);
    model.late(READ, mean - 1);
    assertThat(model.meanNs(READ)).isEqualTo(mean);
  }

  @Test
  void latencyOfAnyLength_doesNotOverflow() {
    exact(100, Long.MAX_VALUE);
    assertThat(model.sleepNs(READ)).isPositive();
    exact(300, 0);
    assertThat(model.meanNs(READ)).isBetween(0L, 100L);
  }
}
