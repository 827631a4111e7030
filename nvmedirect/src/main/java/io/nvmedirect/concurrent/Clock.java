package io.nvmedirect.concurrent;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Time, and the ways in which a thread lets it pass. Whatever has a deadline, samples, sleeps or spins asks
 * a clock, so that a test owns its time: a device opened with a clock of the test's waits for nothing real.
 *
 * <p>A class and not an interface: as long as a JVM has no other clock than {@link #SYSTEM}, calls of it are
 * compiled as direct ones.
 */
public abstract class Clock {

  /** The machine's. For what waits for the kernel, hardware or another process too, which have no other. */
  public static final Clock SYSTEM = new SystemClock();

  protected Clock() {}

  /** Starts a thread that waits by this clock alone. */
  public void start(Thread thread) {
    thread.start();
  }

  /** Nanoseconds from some origin; only differences mean anything, and those may overflow. */
  public abstract long nanoTime();

  /** Parks the calling thread until it is unparked or interrupted; may return spuriously. */
  public abstract void park(Object blocker);

  /** Likewise, for at most {@code ns} nanoseconds; returns at once if that is not positive. */
  public abstract void parkNanos(Object blocker, long ns);

  /** Ends the park of a thread, or its next one; null is nobody. */
  public abstract void unpark(@Nullable Thread thread);

  /** Lets a moment pass in a loop that polls, without giving up the processor. */
  public abstract void spin();

  private static final class SystemClock extends Clock {

    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public void park(Object blocker) {
      LockSupport.park(blocker);
    }

    @Override
    public void parkNanos(Object blocker, long ns) {
      LockSupport.parkNanos(blocker, ns);
    }

    @Override
    public void unpark(@Nullable Thread thread) {
      LockSupport.unpark(thread);
    }

    @Override
    public void spin() {
      Thread.onSpinWait();
    }
  }
}
