package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class TimerSlackTest {

  @Test
  void least_isForThisThread_untilItIsRestored() throws Exception {
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      int others = other.submit(TimerSlack::get).get();
      int before = TimerSlack.get();
      assertThat(before).isPositive();
      int returned = TimerSlack.least();
      try {
        assertThat(returned).isEqualTo(before);
        assertThat(TimerSlack.get()).isEqualTo(1);
        assertThat(other.submit(TimerSlack::get).get()).isEqualTo(others);
      } finally {
        TimerSlack.restore(returned);
      }
      assertThat(TimerSlack.get()).isEqualTo(before);
    }
  }
}
