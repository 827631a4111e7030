package io.nvmedirect.concurrent;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A clock that stands as long as any of its threads runs, and then goes on at once to the next moment that one of
 * them waits for: what takes seconds takes none, and a busy machine makes nothing late. A spin takes 100 ns.
 *
 * <p>Its threads are those that it has started, which run whenever they do not wait by it, and others that have called
 * it. One of these that waits for something else, as for a future, lets time pass.
 */
public final class VirtualClock extends Clock {

  private static final long SPIN_NS = 100;

  /** Real time between two looks at threads that wait for something that is not the clock's. */
  private static final long LOOK_NS = 500_000;

  private static final class Sleeper {
    boolean started;
    boolean parked;
    boolean unparked;
    long dueNs;
  }

  private final AtomicLong nowNs = new AtomicLong();

  /** Owns the map and the sleepers. Who waits for it is running, and seen to be. */
  private final AtomicBoolean lock = new AtomicBoolean();

  private final Map<Thread, Sleeper> threads = new HashMap<>();

  public VirtualClock() {
    nanoTime();
  }

  @Override
  public void start(Thread thread) {
    lock();
    threads.computeIfAbsent(thread, t -> new Sleeper()).started = true;
    unlock();
    thread.start();
  }

  @Override
  public long nanoTime() {
    lock();
    Sleeper _ = ofCaller();
    unlock();
    return nowNs.get();
  }

  @Override
  public void park(Object blocker) {
    sleep(blocker, Long.MAX_VALUE);
  }

  @Override
  public void parkNanos(Object blocker, long ns) {
    if (ns > 0) {
      sleep(blocker, nowNs.get() + ns);
    }
  }

  @Override
  public void spin() {
    nowNs.getAndAdd(SPIN_NS);
    Thread.onSpinWait();
  }

  @Override
  public void unpark(@Nullable Thread thread) {
    if (thread == null) {
      return;
    }
    lock();
    threads.computeIfAbsent(thread, t -> new Sleeper()).unparked = true;
    unlock();
    LockSupport.unpark(thread);
  }

  private void sleep(Object blocker, long dueNs) {
    lock();
    Sleeper own = ofCaller();
    own.parked = true;
    own.dueNs = dueNs;
    while (!own.unparked && nowNs.get() < dueNs && !Thread.currentThread().isInterrupted()) {
      if (!goOn()) {
        unlock();
        LockSupport.parkNanos(blocker, LOOK_NS);
        lock();
      }
    }
    own.parked = false;
    own.unparked = false;
    unlock();
  }

  /** Sets the clock to the next moment that a thread waits for, if all wait; false if nothing has happened. */
  private boolean goOn() {
    threads.keySet().removeIf(thread -> thread.getState() == Thread.State.TERMINATED);
    long nextNs = Long.MAX_VALUE;
    for (Map.Entry<Thread, Sleeper> each : threads.entrySet()) {
      if (runs(each.getKey(), each.getValue())) {
        return false;
      }
      if (each.getValue().parked) {
        nextNs = Math.min(nextNs, each.getValue().dueNs);
      }
    }
    if (nextNs == Long.MAX_VALUE) {
      return false;
    }
    nowNs.set(nextNs);
    threads.forEach((thread, sleeper) -> {
      if (sleeper.parked && sleeper.dueNs <= nowNs.get()) {
        LockSupport.unpark(thread);
      }
    });
    return true;
  }

  private boolean runs(Thread thread, Sleeper sleeper) {
    if (sleeper.parked) {
      return sleeper.unparked || sleeper.dueNs <= nowNs.get() || thread.isInterrupted();
    }
    Thread.State state = thread.getState();
    // A lock is soon free, and a thread that was just made runs soon.
    return sleeper.started
        || (state != Thread.State.WAITING && state != Thread.State.TIMED_WAITING);
  }

  private Sleeper ofCaller() {
    return threads.computeIfAbsent(Thread.currentThread(), thread -> new Sleeper());
  }

  @SuppressWarnings("ThreadPriorityCheck") // its owner may need the core
  private void lock() {
    while (!lock.compareAndSet(false, true)) {
      Thread.yield();
    }
  }

  private void unlock() {
    lock.set(false);
  }
}
