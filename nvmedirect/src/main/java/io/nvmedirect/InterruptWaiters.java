package io.nvmedirect;

import io.nvmedirect.driver.IoQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The threads that wait for a queue's interrupt. One of them, the leader, blocks on the vector and
 * reaps for all; the others park until their operation is done or they are to lead.
 */
final class InterruptWaiters {

  /** The leader's operation may be completed by a thread that polls: then no interrupt wakes it. */
  private static final long LONGEST_WAIT_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private final IoQueue queue;
  private final AtomicBoolean led = new AtomicBoolean();
  private final ConcurrentLinkedQueue<AsyncIo> followers = new ConcurrentLinkedQueue<>();

  InterruptWaiters(IoQueue queue) {
    this.queue = queue;
  }

  /** Blocks until there may be completions to reap, or the operation is done. */
  void await(AsyncIo io) {
    if (led.compareAndSet(false, true)) {
      lead();
    } else {
      follow(io);
    }
  }

  private void lead() {
    boolean interrupted = false;
    try {
      queue.awaitInterrupt(Math.min(LONGEST_WAIT_NS, queue.lookIntervalNs()));
    } catch (InterruptedException e) {
      // The operation cannot be left: the device uses its buffer. The caller sees the flag after
      // it.
      interrupted = true;
    } finally {
      led.set(false);
      AsyncIo next = followers.peek();
      if (next != null) {
        next.wake();
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
        Thread.onSpinWait();
      }
    }
  }

  private void follow(AsyncIo io) {
    // Listed before the look at the leader, so that a leader who leaves sees this one or is seen.
    followers.add(io);
    try {
      if (led.get()) {
        io.park(LONGEST_WAIT_NS);
      }
    } finally {
      followers.remove(io);
    }
  }
}
