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

  private final NvmeQueue queue;
  private final IoQueue vector;
  private final AtomicBoolean led = new AtomicBoolean();
  private final ConcurrentLinkedQueue<AsyncIo> followers = new ConcurrentLinkedQueue<>();

  InterruptWaiters(NvmeQueue queue, IoQueue vector) {
    this.queue = queue;
    this.vector = vector;
  }

  /**
   * Blocks until completions were reaped, or the operation is done, or there is no leader.
   *
   * @return whether the thread was interrupted meanwhile, which ends no wait
   */
  boolean await(AsyncIo io) {
    return led.compareAndSet(false, true) ? lead() : follow(io);
  }

  private boolean lead() {
    try {
      vector.awaitInterrupt(Math.min(LONGEST_WAIT_NS, vector.lookIntervalNs()));
      // Before another one leads, who would wait for a signal that was taken here.
      queue.pollWhileWaiting();
      return false;
    } catch (InterruptedException e) {
      // The operation cannot be left: the device uses its buffer.
      return true;
    } finally {
      led.set(false);
      AsyncIo next = followers.peek();
      if (next != null) {
        next.wake();
      }
    }
  }

  private boolean follow(AsyncIo io) {
    // Listed before the look at the leader, so that a leader who leaves sees this one or is seen.
    followers.add(io);
    try {
      io.park(LONGEST_WAIT_NS, led);
    } finally {
      followers.remove(io);
    }
    return Thread.interrupted();
  }
}
