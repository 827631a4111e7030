package io.nvmedirect.testing;

import io.nvmedirect.concurrent.Clock;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Virtual time of one thread, which is the host's: whenever it lets time pass, the device acts on what is due until
 * then. Nothing ever waits.
 */
final class SimulatedClock extends Clock {

  /** What acts by itself. */
  interface Device {

    /** When it acts next; {@code Long.MAX_VALUE} for never. */
    long nextNs();

    /** Acts. */
    void act();
  }

  private static final long SPIN_NS = 100;

  /** No operation takes longer than several time-outs and resets. */
  private static final long LONGEST_OPERATION_NS = TimeUnit.HOURS.toNanos(2);

  private @Nullable Device device;
  private long nowNs;
  private long stuckNs = LONGEST_OPERATION_NS;

  /** The host's thread was told to go on. */
  private boolean unparked;

  /** The device acts just now, and its own calls let no time pass. */
  private boolean acting;

  void connect(@Nullable Device next) {
    device = next;
  }

  /** Says that an operation begins: it may take long, but not for ever. */
  void operationBegins() {
    stuckNs = nowNs + LONGEST_OPERATION_NS;
  }

  @Override
  public long nanoTime() {
    return nowNs;
  }

  @Override
  public void park(Object blocker) {
    Device acts = device;
    if (!unparked && (acts == null || acts.nextNs() == Long.MAX_VALUE)) {
      throw new SimulationFailure(
          "deadlock: a thread parks, and nothing is left that could wake it");
    }
    parkNanos(blocker, Long.MAX_VALUE - nowNs);
  }

  @Override
  public void parkNanos(Object blocker, long ns) {
    if (!unparked && ns > 0) {
      passUntil(nowNs + ns, true);
    }
    unparked = false;
  }

  @Override
  public void unpark(@Nullable Thread thread) {
    unparked = true;
  }

  @Override
  public void spin() {
    pass(SPIN_NS);
  }

  /** Lets time pass. */
  void pass(long ns) {
    passUntil(nowNs + ns, false);
  }

  /**
   * @param wakes whether an unpark ends it early
   */
  private void passUntil(long untilNs, boolean wakes) {
    if (acting) {
      return;
    }
    for (Device acts = device; acts != null && acts.nextNs() <= untilNs; acts = device) {
      nowNs = Math.max(nowNs, acts.nextNs());
      acting = true;
      try {
        acts.act();
      } finally {
        acting = false;
      }
      if (wakes && unparked) {
        return;
      }
      if (untilNs == Long.MAX_VALUE && acts.nextNs() == Long.MAX_VALUE) {
        return; // for no reason, as a park may; and the next one is the deadlock
      }
    }
    nowNs = untilNs;
    if (nowNs > stuckNs) {
      throw new SimulationFailure(
          "stuck: an operation has not ended within %d hours"
              .formatted(TimeUnit.NANOSECONDS.toHours(LONGEST_OPERATION_NS)));
    }
  }
}
