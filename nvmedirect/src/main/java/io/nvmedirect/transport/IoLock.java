package io.nvmedirect.transport;

import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock that its holder keeps while it waits for I/O. Its holder may depend on another thread to take
 * the completion, so a thread that others depend on never blocks here: it goes on reaping until the lock
 * is free. That is what keeps a completion thread, whose callbacks may do I/O of any kind, from waiting
 * for somebody who waits for it.
 */
public final class IoLock {

  private final ReentrantLock lock = new ReentrantLock();
  private final Reaper reaper;

  public IoLock(Reaper reaper) {
    this.reaper = reaper;
  }

  public void lock() {
    if (lock.tryLock()) {
      return;
    }
    if (!reaper.mustReap()) {
      lock.lock();
      return;
    }
    int idle = 0;
    while (!lock.tryLock()) {
      idle = reaper.reap(idle);
    }
  }

  public void unlock() {
    lock.unlock();
  }

  public boolean isHeldByCurrentThread() {
    return lock.isHeldByCurrentThread();
  }
}
