package io.nvmedirect.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code nvmed simulate} does more runs. */
@Timeout(600)
class SimulationTest {

  private static final int FIXED = 150;
  private static final int FRESH = 20;

  @Test
  void fixedSeeds_findNothing() {
    long operations = 0;
    long failed = 0;
    long powerCuts = 0;
    long virtualNs = 0;
    for (long seed = 1; seed <= FIXED; seed++) {
      Simulation.Result result = Simulation.run(seed, false);
      operations += result.operations();
      failed += result.failed();
      powerCuts += result.powerCuts();
      virtualNs += result.virtualNs();
    }
    // Much has happened, or nothing was tested.
    assertThat(operations).isGreaterThan(FIXED * 300);
    assertThat(failed).isGreaterThan(FIXED);
    assertThat(powerCuts).isGreaterThan(FIXED);
    assertThat(virtualNs).isGreaterThan(TimeUnit.MINUTES.toNanos(30));
  }

  /** Seeds that have found something once. */
  @ParameterizedTest
  @ValueSource(longs = 1194300870)
  void seedsThatHaveFoundSomething_findNothing(long seed) {
    assertThat(Simulation.run(seed, false).operations()).isPositive();
  }

  @Test
  void freshSeeds_findNothing() {
    long first = ThreadLocalRandom.current().nextInt(Integer.MAX_VALUE);
    System.out.printf("seeds %d to %d%n", first, first + FRESH - 1);
    for (int i = 0; i < FRESH; i++) {
      assertThat(Simulation.run(first + i, false).operations()).isPositive();
    }
  }

  @Test
  void sameSeed_isTheSameRun() {
    for (long seed = 1; seed <= 20; seed++) {
      Simulation.Result once = Simulation.run(seed, true);
      Simulation.Result again = Simulation.run(seed, true);
      assertThat(again.trace()).isEqualTo(once.trace());
      assertThat(again).isEqualTo(once);
    }
    assertThat(Simulation.run(1, false).hash()).isNotEqualTo(Simulation.run(2, false).hash());
  }

  /** What a device may not do is found, so that the library doing it would be. */
  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void sabotage_isFound(Sabotage sabotage) {
    for (long seed = 1; seed <= 50; seed++) {
      try {
        Simulation.run(seed, false, sabotage);
      } catch (SimulationFailure e) {
        assertThat(e).hasMessageContaining("content").hasMessageContaining("seed " + seed);
        return;
      }
    }
    fail("50 seeds have not found " + sabotage);
  }
}
