package io.nvmedirect.driver;

import java.util.concurrent.locks.LockSupport;

/**
 * What a thread does between two polls that found nothing. On a machine with few cores the device, its
 * emulation or a neighbour may need this thread's, so that every spin has yields in it.
 *
 * <p>How long a thread polls is counted in polls and not in time: that bounds the processor time it
 * uses, also while others have the core.
 */
public final class Backoff {

  /** A pause and a poll take some 100 ns, a yield to nobody about 500. */
  private static final int POLLS_PER_YIELD = 16;

  /** About a millisecond: what takes longer than the I/O of any SSD is not worth a core. */
  private static final int POLLS = 6_000;

  private static final long FIRST_PARK_NS = 50_000;

  private static final int SHORT_SPINS = 100;
  private static final int SHORT_YIELDS = 100;
  private static final long FIRST_SHORT_PARK_NS = 20_000;
  private static final int PARKS_PER_DOUBLING = 8;
  private static final int DOUBLINGS = 5;

  private Backoff() {}

  /** Spins, and yields now and then. */
  @SuppressWarnings("ThreadPriorityCheck") // the yield is the point
  public static void spin(int idlePolls) {
    if (idlePolls % POLLS_PER_YIELD == POLLS_PER_YIELD - 1) {
      Thread.yield();
    } else {
      Thread.onSpinWait();
    }
  }

  /**
   * For a thread that polls for its own operation: spins for about a millisecond, then says how long to
   * park instead, longer and longer.
   *
   * @param idlePolls polls in a row that found nothing, from 0
   * @return 0 if the thread has waited, else for how many nanoseconds it should park
   */
  public static long spinOrParkNs(int idlePolls) {
    if (idlePolls < POLLS) {
      spin(idlePolls);
      return 0;
    }
    return parkNs(idlePolls - POLLS);
  }

  /** For a thread that has polled in vain: how long to park, longer and longer. */
  public static long parkNs(int parksBefore) {
    return parkNs(FIRST_PARK_NS, parksBefore);
  }

  /**
   * For a thread that serves others: some microseconds of spinning, then yields, then parks for longer
   * and longer.
   *
   * @param idlePolls polls in a row that found nothing, from 0
   */
  @SuppressWarnings("ThreadPriorityCheck") // as above
  public static void idle(int idlePolls) {
    if (idlePolls < SHORT_SPINS) {
      Thread.onSpinWait();
    } else if (idlePolls < SHORT_SPINS + SHORT_YIELDS) {
      Thread.yield();
    } else {
      LockSupport.parkNanos(parkNs(FIRST_SHORT_PARK_NS, idlePolls - SHORT_SPINS - SHORT_YIELDS));
    }
  }

  /**
   * For a virtual thread, which leaves its carrier to others: yields, then parks.
   *
   * @param idlePolls polls in a row that found nothing, from 0
   * @return 0 if the thread has waited, else for how many nanoseconds it should park
   */
  @SuppressWarnings("ThreadPriorityCheck") // as above
  public static long yieldOrParkNs(int idlePolls) {
    if (idlePolls < SHORT_YIELDS) {
      Thread.yield();
      return 0;
    }
    return parkNs(FIRST_SHORT_PARK_NS, idlePolls - SHORT_YIELDS);
  }

  private static long parkNs(long firstNs, int parksBefore) {
    return firstNs << Math.min(parksBefore / PARKS_PER_DOUBLING, DOUBLINGS);
  }
}
