package io.nvmedirect.concurrent;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The clock of the other tests: were it wrong, they would show nothing. */
@Timeout(60)
class VirtualClockTest {

  private static final long HOUR_NS = Duration.ofHours(1).toNanos();

  private final VirtualClock clock = new VirtualClock();

  @Test
  void aParkThatNobodyEnds_takesExactlyItsTime() {
    long from = clock.nanoTime();
    clock.parkNanos(this, HOUR_NS);
    assertThat(clock.nanoTime() - from).isEqualTo(HOUR_NS);
    clock.spin();
    assertThat(clock.nanoTime() - from).isEqualTo(HOUR_NS + 100);
  }

  @Test
  void sleepers_wakeInTheOrderOfTheirTimes() throws InterruptedException {
    List<Integer> woken = new CopyOnWriteArrayList<>();
    Thread[] sleepers = new Thread[5];
    for (int i = 0; i < sleepers.length; i++) {
      int hours = sleepers.length - i;
      CountDownLatch known = new CountDownLatch(1);
      sleepers[i] =
          Thread.ofPlatform()
              .start(() -> {
                long _ = clock.nanoTime();
                known.countDown();
                clock.parkNanos(this, hours * HOUR_NS);
                woken.add(hours);
              });
      // This thread counts as one that waits, and so does not keep the clock from going on.
      known.await();
    }
    for (Thread sleeper : sleepers) {
      sleeper.join();
    }
    assertThat(woken).hasSize(5);
    assertThat(clock.nanoTime()).isGreaterThanOrEqualTo(5 * HOUR_NS);
  }

  @Test
  void time_standsWhileAThreadRuns() throws InterruptedException {
    CompletableFuture<Long> slept = new CompletableFuture<>();
    Thread sleeper =
        Thread.ofPlatform()
            .start(() -> {
              clock.parkNanos(this, HOUR_NS);
              slept.complete(clock.nanoTime());
            });
    while (sleeper.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    long from = System.nanoTime();
    while (System.nanoTime() - from < Duration.ofMillis(20).toNanos()) {
      assertThat(clock.nanoTime()).isZero();
    }
    // Now this thread waits for something else.
    assertThat(slept.join()).isEqualTo(HOUR_NS);
    sleeper.join();
  }

  @Test
  void time_standsUntilAStartedThreadWaitsByTheClock() throws InterruptedException {
    CountDownLatch mayGoOn = new CountDownLatch(1);
    Thread started =
        Thread.ofPlatform()
            .unstarted(() -> {
              try {
                mayGoOn.await();
              } catch (InterruptedException e) {
                return;
              }
              clock.parkNanos(this, 2 * HOUR_NS);
            });
    clock.start(started);
    Thread sleeper =
        Thread.ofPlatform()
            .start(() -> {
              clock.parkNanos(this, HOUR_NS);
            });
    while (started.getState() != Thread.State.WAITING
        || sleeper.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    long from = System.nanoTime();
    while (System.nanoTime() - from < Duration.ofMillis(20).toNanos()) {
      assertThat(clock.nanoTime()).isZero();
    }
    mayGoOn.countDown();
    started.join();
    sleeper.join();
    assertThat(clock.nanoTime()).isEqualTo(2 * HOUR_NS);
  }

  @Test
  void unpark_endsAParkWithoutTime_andIsRemembered() {
    Thread main = Thread.currentThread();
    clock.unpark(main);
    clock.park(this);
    Thread other = Thread.ofPlatform().start(() -> clock.unpark(main));
    clock.park(this);
    assertThat(clock.nanoTime()).isZero();
    assertThat(other).isNotNull();
  }

  @Test
  void interrupts_endParks() {
    Thread.currentThread().interrupt();
    clock.park(this);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(clock.nanoTime()).isZero();
  }
}
