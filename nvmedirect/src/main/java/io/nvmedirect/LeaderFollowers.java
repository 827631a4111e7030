package io.nvmedirect;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The threads that wait for operations of a queue. One of them, the leader, waits for the device and
 * reaps for all; the others park until their operation is done or they are to lead. Whoever completes an
 * operation wakes its thread.
 *
 * <p>While threads wait and nobody leads, some thread is awake that will lead, or will {@link #leave}
 * and so wake one that does.
 */
final class LeaderFollowers {

  private final long longestWaitNs;
  private final AtomicBoolean led = new AtomicBoolean();
  private final ConcurrentLinkedQueue<AsyncIo> followers = new ConcurrentLinkedQueue<>();

  /**
   * @param longestWaitNs a follower looks around after this long, without having been woken
   */
  LeaderFollowers(long longestWaitNs) {
    this.longestWaitNs = longestWaitNs;
  }

  /** Makes the calling thread the leader until it calls {@link #endLead}; false if there is one. */
  boolean tryLead() {
    return !led.get() && led.compareAndSet(false, true);
  }

  void endLead() {
    led.set(false);
  }

  /**
   * Parks until the operation is done, there is no leader, or it was long enough.
   *
   * @return whether the thread was interrupted meanwhile
   */
  boolean follow(AsyncIo io) {
    // Listed before the look at the leader, so that a leader who leaves sees this one or is seen.
    followers.add(io);
    try {
      io.park(longestWaitNs, led);
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
   * Returns when no thread leads any more. No operation is in flight, so that a thread which still does
   * was woken, and none begins to.
   */
  @SuppressWarnings("ThreadPriorityCheck") // the leader may need the core
  void close() {
    while (led.get()) {
      Thread.yield();
    }
  }
}
