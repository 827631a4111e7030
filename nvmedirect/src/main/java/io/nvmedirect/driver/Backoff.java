package io.nvmedirect.driver;

import java.util.concurrent.locks.LockSupport;

/**
 * What a thread does between two polls that found nothing: spin for some microseconds, then yield
 * (on a machine with few cores the device or its emulation may need this one), then sleep for longer
 * and longer.
 */
public final class Backoff {

  private static final int SPINS = 100;
  private static final int YIELDS = 100;
  private static final long FIRST_PARK_NS = 20_000;
  private static final int DOUBLINGS = 5;

  private Backoff() {}

  /**
   * Spins or yields, or says how long to park instead.
   *
   * @param idlePolls polls in a row that found nothing, from 0
   * @return 0 if the thread has waited, else for how many nanoseconds it should park
   */
  @SuppressWarnings("ThreadPriorityCheck") // the yield is the point
  public static long spinOrParkNs(int idlePolls) {
    if (idlePolls < SPINS) {
      Thread.onSpinWait();
      return 0;
    }
    if (idlePolls < SPINS + YIELDS) {
      Thread.yield();
      return 0;
    }
    return FIRST_PARK_NS << Math.min((idlePolls - SPINS - YIELDS) / 8, DOUBLINGS);
  }

  /** Waits a little, parking where {@link #spinOrParkNs} says so. */
  public static void idle(int idlePolls) {
    long parkNs = spinOrParkNs(idlePolls);
    if (parkNs > 0) {
      LockSupport.parkNanos(parkNs);
    }
  }
}
