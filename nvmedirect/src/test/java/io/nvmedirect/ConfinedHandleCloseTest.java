package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/**
 * A handle of a confined queue that another thread closes while the queue's owner begins operations: the
 * owner counts them without a fence, so that it is the closing thread that has to see them.
 */
class ConfinedHandleCloseTest {

  private static final int ROUNDS = 400;

  @Test
  void otherThreadCloses_whileTheOwnerBegins_eitherIsRefused() throws Exception {
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB");
        DmaBuffer buffer = device.allocate(4096)) {
      for (int round = 0; round < ROUNDS; round++) {
        try (NvmeQueue queue = device.createQueue(QueueOption.CONFINED)) {
          NvmeHandle handle = queue.createHandle();
          AsyncIo io = new AsyncIo();
          AtomicReference<Throwable> end = new AtomicReference<>();
          Thread owner = Thread.ofPlatform().start(() -> end.set(use(queue, handle, buffer, io)));
          int refused = closeFromHere(handle, round);
          owner.join(TimeUnit.SECONDS.toMillis(60));
          assertThat(owner.isAlive()).isFalse();
          assertThat(end.get())
              .isInstanceOf(IllegalStateException.class)
              .hasMessageContaining("closed");
          assertThat(io.isInFlight()).isFalse();
          assertThat(handle.outstanding()).isZero();
          assertThat(refused).isNotNegative();
        }
      }
    }
  }

  /** Begins operations and completes them until one is refused; returns why. */
  private static Throwable use(NvmeQueue queue, NvmeHandle handle, DmaBuffer buffer, AsyncIo io) {
    try {
      while (true) {
        // Refused before anything has begun, or taken and completed below: nothing in between.
        handle.read(io, buffer, 0, 4096, 0);
        while (!io.isDone()) {
          queue.poll();
        }
      }
    } catch (IllegalStateException | IOException e) {
      return e;
    }
  }

  /** Returns how often it was refused because the owner had an operation outstanding. */
  private static int closeFromHere(NvmeHandle handle, int spins) {
    for (int i = 0; i < spins; i++) {
      Thread.onSpinWait();
    }
    for (int refused = 0; ; refused++) {
      try {
        handle.close();
        return refused;
      } catch (IllegalStateException e) {
        assertThat(e).hasMessageContaining("is confined to thread");
      }
    }
  }
}
