package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.queue.InterruptVector;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An interrupt vector: a count of signals. Each waiter compares it with the count that it has seen, so
 * that every one sees each signal. One that nobody waits for is an increment and a read, and to wait
 * allocates nothing.
 */
final class EmulatedVector {

  private final Clock clock;
  private final AtomicInteger signals = new AtomicInteger();
  private final AtomicInteger blocked = new AtomicInteger();
  private final List<Waiter> waiters = new CopyOnWriteArrayList<>();

  EmulatedVector(Clock clock) {
    this.clock = clock;
  }

  void signal() {
    signals.incrementAndGet();
    // What was changed before is volatile, so that a waiter who is not counted yet sees it.
    if (blocked.get() != 0) {
      for (Waiter waiter : waiters) {
        clock.unpark(waiter.blocking);
      }
    }
  }

  /** Opens a waiter. */
  InterruptVector open() {
    Waiter waiter = new Waiter(this);
    waiters.add(waiter);
    return waiter;
  }

  private static final class Waiter implements InterruptVector {
    private final EmulatedVector vector;
    private volatile boolean woken;

    /** Who waits; null if nobody does. */
    private volatile @Nullable Thread blocking;

    /** Signals seen; belongs to the thread that waits. */
    private int seen;

    Waiter(EmulatedVector vector) {
      this.vector = vector;
      this.seen = vector.signals.get();
    }

    @Override
    public boolean await(long timeoutNs) throws InterruptedException {
      if (take()) {
        return true;
      }
      blocking = Thread.currentThread();
      vector.blocked.incrementAndGet();
      try {
        return park(timeoutNs);
      } finally {
        vector.blocked.decrementAndGet();
        blocking = null;
      }
    }

    private boolean park(long timeoutNs) throws InterruptedException {
      long fromNs = vector.clock.nanoTime();
      while (!take()) {
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        long leftNs = timeoutNs - (vector.clock.nanoTime() - fromNs);
        if (leftNs <= 0) {
          return false;
        }
        vector.clock.parkNanos(vector, leftNs);
      }
      return true;
    }

    private boolean take() {
      int now = vector.signals.get();
      boolean due = now != seen || woken;
      seen = now;
      if (due) {
        // A wake that comes now is told by this return, too.
        woken = false;
      }
      return due;
    }

    @Override
    public void wake() {
      woken = true;
      vector.clock.unpark(blocking);
    }

    @Override
    public void close() {
      vector.waiters.remove(this);
    }
  }
}
