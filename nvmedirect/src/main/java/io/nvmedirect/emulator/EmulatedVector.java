package io.nvmedirect.emulator;

import io.nvmedirect.queue.InterruptVector;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * An interrupt vector: a count of signals and the count that waiters have seen. A signal that nobody
 * waits for is an increment and a read; whoever waits next returns at once.
 */
final class EmulatedVector implements InterruptVector {

  private final AtomicInteger signals = new AtomicInteger();
  private final AtomicInteger seen = new AtomicInteger();
  private final AtomicInteger waiters = new AtomicInteger();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition signalled = lock.newCondition();

  void signal() {
    signals.incrementAndGet();
    // The increment above is volatile so that a waiter that is not counted yet sees it.
    if (waiters.get() != 0) {
      lock.lock();
      try {
        signalled.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  @Override
  public boolean await(long timeoutNs) throws InterruptedException {
    int before = seen.get();
    if (take(before)) {
      return true;
    }
    lock.lockInterruptibly();
    waiters.incrementAndGet();
    try {
      long left = timeoutNs;
      while (!take(before)) {
        if (left <= 0) {
          return false;
        }
        left = signalled.awaitNanos(left);
      }
      return true;
    } finally {
      waiters.decrementAndGet();
      lock.unlock();
    }
  }

  /** Everyone who waits since the same signal returns, for queues may share a vector. */
  private boolean take(int before) {
    int now = signals.get();
    if (now == before) {
      return false;
    }
    seen.set(now);
    return true;
  }
}
