package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class EventWaitTest {

  private static final long LONG_NS = TimeUnit.SECONDS.toNanos(50);

  @Test
  void await_signalBefore_counts() throws Exception {
    try (EventFd event = EventFd.create();
        EventWait wait = EventWait.on(event)) {
      assertThat(wait.await(0)).isFalse();
      event.signal();
      event.signal();
      assertThat(wait.await(LONG_NS)).isTrue();
      assertThat(wait.await(0)).as("taken by the call before").isFalse();
    }
  }

  @Test
  void await_signalMeanwhile_wakes() throws Exception {
    try (EventFd event = EventFd.create();
        EventWait wait = EventWait.on(event)) {
      CompletableFuture<Void> signal = CompletableFuture.runAsync(event::signal);
      assertThat(wait.await(LONG_NS)).isTrue();
      signal.get();
    }
  }

  @Test
  void await_twoWaiters_eachSeesEverySignal() throws Exception {
    try (EventFd event = EventFd.create();
        EventWait first = EventWait.on(event);
        EventWait second = EventWait.on(event)) {
      for (int round = 0; round < 1000; round++) {
        event.signal();
        assertThat(first.await(LONG_NS)).isTrue();
        assertThat(second.await(LONG_NS)).isTrue();
        assertThat(first.await(0)).isFalse();
        assertThat(second.await(0)).isFalse();
      }
    }
  }

  @Test
  void await_twoSources_eitherWakes() throws Exception {
    try (EventFd vector = EventFd.create();
        EventFd wake = EventFd.create();
        EventWait wait = EventWait.on(vector, wake)) {
      vector.signal();
      assertThat(wait.await(LONG_NS)).isTrue();
      wake.signal();
      assertThat(wait.await(LONG_NS)).isTrue();
      assertThat(wait.await(0)).isFalse();
    }
  }

  @Test
  void close_twice_isHarmless() throws Exception {
    EventFd event = EventFd.create();
    EventWait wait = EventWait.on(event);
    wait.close();
    wait.close();
    event.close();
    event.close();
    event.signal();
    assertThat(event.fd()).isNotNegative();
  }
}
