package io.nvmedirect;

import io.nvmedirect.concurrent.Clock;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The threads that wait for operations of a queue. One of them, the leader, waits for the device and
 * reaps for all; the others park until their operation is done or they are to lead. Whoever completes an
 * operation wakes its thread.
 *
 * <p>While threads wait and nobody leads, some thread is awake that will lead, or will {@link #leave}
 * and so wake one that does.
 */
final class LeaderFollowers {

  private static final long CLOSE_NS = 20_000;

  private final Clock clock;
  private final long longestWaitNs;
  private final AtomicBoolean led = new AtomicBoolean();

  /** What the leader waits for; null if there is none, and for a moment when there is. */
  private volatile @Nullable AsyncIo leader;

  /** Owns the list of followers, which is linked by the operations themselves. */
  private final ReentrantLock lock = new ReentrantLock();

  private @Nullable AsyncIo first;
  private @Nullable AsyncIo last;

  /** Followers on the list, for a look without the lock. */
  private volatile int following;

  /** How often a thread has become a follower. */
  private volatile int arrivals;

  /**
   * @param longestWaitNs a follower looks around after this long, without having been woken
   */
  LeaderFollowers(Clock clock, long longestWaitNs) {
    this.clock = clock;
    this.longestWaitNs = longestWaitNs;
  }

  /** Makes the calling thread the leader until it calls {@link #endLead}; false if there is one. */
  boolean tryLead(AsyncIo io) {
    if (led.get() || !led.compareAndSet(false, true)) {
      return false;
    }
    leader = io;
    return true;
  }

  void endLead() {
    leader = null;
    led.set(false);
  }

  /** How often there was a new follower: one that came lately has an operation that may be fast. */
  int arrivals() {
    return arrivals;
  }

  /** Parks the leader until its operation is done, or there is a new follower, or the time is over. */
  void parkLeader(AsyncIo io, long timeoutNs, int seenArrivals) {
    // Volatile store before, volatile loads after: who comes sees the waiter, or is seen.
    io.beginWait(clock);
    if (!io.isDoneNow() && arrivals == seenArrivals) {
      clock.parkNanos(this, timeoutNs);
    }
    io.endWait();
  }

  /**
   * Parks until the operation is done, there is no leader, or it was long enough.
   *
   * @param wakesLeader the leader parks as long as its own operation may take, so a new one wakes it
   * @return whether the thread was interrupted meanwhile
   */
  boolean follow(AsyncIo io, boolean wakesLeader) {
    // Listed before the look at the leader, so that a leader who leaves sees this one or is seen.
    add(io);
    try {
      AsyncIo leading = wakesLeader ? leader : null;
      if (leading != null) {
        leading.wake();
      }
      io.beginWait(clock);
      if (!io.isDoneNow() && led.get()) {
        clock.parkNanos(this, longestWaitNs);
      }
      io.endWait();
    } finally {
      remove(io);
    }
    return Thread.interrupted();
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // the lock owns them
  private void add(AsyncIo io) {
    lock.lock();
    try {
      AsyncIo before = last;
      io.previousFollower = before;
      if (before == null) {
        first = io;
      } else {
        before.nextFollower = io;
      }
      last = io;
      following++;
      arrivals++;
    } finally {
      lock.unlock();
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // the lock owns it
  private void remove(AsyncIo io) {
    lock.lock();
    try {
      AsyncIo before = io.previousFollower;
      AsyncIo after = io.nextFollower;
      if (before == null) {
        first = after;
      } else {
        before.nextFollower = after;
      }
      if (after == null) {
        last = before;
      } else {
        after.previousFollower = before;
      }
      io.previousFollower = null;
      io.nextFollower = null;
      following--;
    } finally {
      lock.unlock();
    }
  }

  /** The calling thread's operation is done: another one has to lead. */
  void leave() {
    if (led.get() || following == 0) {
      return;
    }
    lock.lock();
    try {
      if (first != null) {
        first.wake();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns when no thread leads any more. No operation is in flight, so that a thread which still does
   * was woken, and none begins to.
   */
  void close() {
    while (led.get()) {
      // The leader may need the core.
      clock.parkNanos(this, CLOSE_NS);
    }
  }
}
