package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.queue.InterruptVector;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InterruptsTest {

  private static final long LONG_NS = TimeUnit.SECONDS.toNanos(60);
  private static final long NOW = 0;

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread", "mem:1MiB?model=flash"})
  void signal_isRememberedOncePerBatch(String address) throws Exception {
    try (RawHost host = RawHost.start(address)) {
      InterruptVector vector = host.device.vector(1);
      InterruptVector other = host.device.vector(2);
      InterruptVector admin = host.device.vector(0);
      assertThat(vector.await(NOW)).isFalse();
      assertThat(admin.await(NOW)).as("before it was opened").isFalse();
      host.admin().ok(command(0x0A).cdw(10, 7));
      host.io().submit(command(0).nsid(1));
      assertThat(vector.await(LONG_NS)).isTrue();
      assertThat(host.io().hasCompletion()).isTrue();
      assertThat(vector.await(NOW)).isFalse();
      assertThat(other.await(NOW)).as("another vector").isFalse();
      assertThat(admin.await(LONG_NS)).as("the admin queue's").isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void signal_isForEachWaiter(String address) throws Exception {
    try (RawHost host = RawHost.start(address);
        InterruptVector first = host.device.vector(1);
        InterruptVector second = host.device.vector(1)) {
      host.io().run(command(0).nsid(1));
      assertThat(first.await(LONG_NS)).isTrue();
      assertThat(first.await(NOW)).isFalse();
      host.io().run(command(0).nsid(1));
      assertThat(first.await(LONG_NS)).isTrue();
      assertThat(second.await(LONG_NS)).as("two signals at once").isTrue();
      assertThat(second.await(NOW)).isFalse();
    }
  }

  @Test
  void wake_isForOneWaiter() throws Exception {
    try (RawHost host = RawHost.start("mem:1MiB")) {
      InterruptVector first = host.device.vector(1);
      InterruptVector second = host.device.vector(1);
      first.wake();
      assertThat(first.await(LONG_NS)).as("a wake is remembered").isTrue();
      assertThat(first.await(NOW)).as("once").isFalse();
      assertThat(second.await(NOW)).isFalse();
      for (int round = 0; round < 50; round++) {
        AtomicReference<Thread> waiter = new AtomicReference<>();
        CompletableFuture<Boolean> woken =
            CompletableFuture.supplyAsync(() -> {
              waiter.set(Thread.currentThread());
              return await(first);
            });
        if (round % 2 == 0) {
          RawHost.await(
              "the waiter to wait",
              () -> waiter.get() != null && waiter.get().getState() == Thread.State.TIMED_WAITING);
        }
        first.wake();
        assertThat(woken.get(60, TimeUnit.SECONDS)).isTrue();
      }
      assertThat(second.await(NOW)).isFalse();
      first.close();
      first.close();
      first.wake();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void signal_wakesAWaiter(String address) throws Exception {
    try (RawHost host = RawHost.start(address);
        InterruptVector vector = host.device.vector(1)) {
      for (int round = 0; round < 50; round++) {
        AtomicReference<Thread> waiter = new AtomicReference<>();
        CompletableFuture<Boolean> woken =
            CompletableFuture.supplyAsync(() -> {
              waiter.set(Thread.currentThread());
              return await(vector);
            });
        if (round % 2 == 0) {
          RawHost.await(
              "the waiter to wait",
              () -> waiter.get() != null && waiter.get().getState() == Thread.State.TIMED_WAITING);
        }
        host.io().submit(command(0).nsid(1));
        assertThat(woken.get(60, TimeUnit.SECONDS)).isTrue();
        host.io().take();
        host.io().ringHead();
      }
    }
  }

  private static boolean await(InterruptVector vector) {
    try {
      return vector.await(LONG_NS);
    } catch (InterruptedException e) {
      return false;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void mask_holdsSignalsBack(String address) throws Exception {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Queue high = host.createQueue(2, 8, 40);
      InterruptVector one = host.device.vector(1);
      InterruptVector eight = host.device.vector(8);
      InterruptVector forty = host.device.vector(40);
      host.device.write32(RawHost.INTMS, 1 << 1 | 1 << 8);
      host.device.write32(RawHost.INTMS, 1 << 9);
      assertThat(host.device.read32(RawHost.INTMS)).isEqualTo(0x302);
      assertThat(host.device.read32(RawHost.INTMC)).isEqualTo(0x302);
      host.io().run(command(0).nsid(1));
      high.run(command(0).nsid(1));
      assertThat(forty.await(LONG_NS)).as("above 31").isTrue();
      assertThat(one.await(NOW)).isFalse();
      host.device.write32(RawHost.INTMC, 1 << 8);
      assertThat(one.await(NOW)).isFalse();
      host.device.write32(RawHost.INTMC, 1 << 1);
      assertThat(one.await(LONG_NS)).isTrue();
      assertThat(eight.await(NOW)).as("had nothing").isFalse();
      assertThat(host.device.read32(RawHost.INTMS)).isEqualTo(0x200);
      host.disable();
      assertThat(host.device.read32(RawHost.INTMS)).as("a reset unmasks").isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void queue_withoutInterruptsSignalsNothing(String address) throws Exception {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Queue queue = host.new Queue(2, 8);
      InterruptVector vector = host.device.vector(2);
      host.admin().ok(host.createCq(queue, 2).cdw(11, 2 << 16 | 1));
      host.admin().ok(host.createSq(queue));
      queue.run(command(0).nsid(1));
      assertThat(vector.await(NOW)).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void close_letsWaitersGo(String address) throws Exception {
    try (RawHost host = RawHost.start(address)) {
      InterruptVector vector = host.device.vector(7);
      CompletableFuture<Boolean> woken = CompletableFuture.supplyAsync(() -> await(vector));
      host.device.close();
      assertThat(woken.get(60, TimeUnit.SECONDS)).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {65})
  void vectors_areOneForEachQueuePair(int count) throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB")) {
      assertThat(host.device.vectors()).isEqualTo(count);
    }
  }
}
