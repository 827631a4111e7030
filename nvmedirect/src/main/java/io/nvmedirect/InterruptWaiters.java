package io.nvmedirect;

import io.nvmedirect.driver.IoQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The threads that wait for a queue's interrupt. One of them, the leader, blocks on the vector and
 * reaps for all; the others park until their operation is done or they are to lead. Whoever completes
 * an operation wakes its thread, the leader too; a controller reset wakes the leader.
 *
 * <p>While threads wait and nobody leads, some thread is awake that will lead, or will {@link #leave}
 * and so wake one that does.
 */
final class InterruptWaiters {

  /** Nothing but deadlines needs a look without having been woken for it. */
  private static final long LONGEST_WAIT_NS = TimeUnit.SECONDS.toNanos(1);

  private final NvmeQueue queue;
  private final IoQueue vector;
  private final AtomicBoolean led = new AtomicBoolean();
  private final ConcurrentLinkedQueue<AsyncIo> followers = new ConcurrentLinkedQueue<>();

  InterruptWaiters(NvmeQueue queue, IoQueue vector) {
    this.queue = queue;
    this.vector = vector;
  }

  /**
   * Blocks until completions were reaped, the operation is done, there is no leader, or deadlines have
   * to be looked at.
   *
   * @return whether the thread was interrupted meanwhile, which ends no wait
   */
  boolean await(AsyncIo io) {
    return led.compareAndSet(false, true) ? lead(io) : follow(io);
  }

  private long longestWaitNs() {
    return Math.min(LONGEST_WAIT_NS, vector.lookIntervalNs());
  }

  private boolean lead(AsyncIo io) {
    try {
      io.block(vector, longestWaitNs());
      // Before another one leads, who would wait for a signal that was taken here; and not only if
      // the queue is free just now, for there may be no other signal.
      queue.reapAfterInterrupt();
      return false;
    } catch (InterruptedException e) {
      // The operation cannot be left: the device uses its buffer.
      return true;
    } finally {
      led.set(false);
    }
  }

  private boolean follow(AsyncIo io) {
    // Listed before the look at the leader, so that a leader who leaves sees this one or is seen.
    followers.add(io);
    try {
      io.park(longestWaitNs(), led);
    } finally {
      followers.remove(io);
    }
    return Thread.interrupted();
  }

  /** The calling thread's operation is done: another one has to lead. */
  void leave() {
    if (!led.get()) {
      AsyncIo next = followers.peek();
      if (next != null) {
        next.wake();
      }
    }
  }

  /**
   * Returns when no thread uses the vector any more. No operation is in flight, so that a thread which
   * still leads was woken, and none begins to block.
   */
  @SuppressWarnings("ThreadPriorityCheck") // the leader may need the core
  void close() {
    while (led.get()) {
      Thread.yield();
    }
  }
}
