package io.nvmedirect.concurrent;

import java.util.concurrent.locks.ReentrantLock;

/**
 * A reentrant lock that is held for less time than it takes to park and be woken: who finds it taken
 * spins for some microseconds first. A virtual thread that parks for it may hold another one, for which
 * its carrier's next threads would park in turn.
 */
public final class BriefLock {

  private static final int SPINS = 100;

  private final ReentrantLock lock = new ReentrantLock();

  public void lock() {
    for (int spins = 0; spins < SPINS; spins++) {
      if (lock.tryLock()) {
        return;
      }
      Clock.SYSTEM.spin();
    }
    lock.lock();
  }

  public boolean tryLock() {
    return lock.tryLock();
  }

  public void unlock() {
    lock.unlock();
  }
}
