package io.nvmedirect.emulator;

import io.nvmedirect.queue.InterruptVector;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * An interrupt vector: a count of signals. Each waiter compares it with the count that it has seen, so
 * that every one sees each signal. One that nobody waits for is an increment and a read.
 */
final class EmulatedVector {

  private final AtomicInteger signals = new AtomicInteger();
  private final AtomicInteger blocked = new AtomicInteger();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  void signal() {
    signals.incrementAndGet();
    wakeBlocked();
  }

  private void wakeBlocked() {
    // What was changed before is volatile, so that a waiter who is not counted yet sees it.
    if (blocked.get() != 0) {
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Opens a waiter. */
  InterruptVector open() {
    return new Waiter(this);
  }

  private static final class Waiter implements InterruptVector {
    private final EmulatedVector vector;
    private volatile boolean woken;

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
      vector.lock.lockInterruptibly();
      vector.blocked.incrementAndGet();
      try {
        long left = timeoutNs;
        while (!take()) {
          if (left <= 0) {
            return false;
          }
          left = vector.changed.awaitNanos(left);
        }
        return true;
      } finally {
        vector.blocked.decrementAndGet();
        vector.lock.unlock();
      }
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
      vector.wakeBlocked();
    }

    @Override
    public void close() {}
  }
}
