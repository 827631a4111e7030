package io.nvmedirect.concurrent;

/**
 * What a thread does between two polls that found nothing: it spins for a while, then parks for longer
 * and longer. Platform threads do not yield: beside a busy thread a yield gives up a whole time slice,
 * milliseconds, while one that has parked is woken ahead of it.
 *
 * <p>How long a thread spins is counted in polls and not in time: that bounds the processor time it
 * uses, also while others have the core.
 */
public final class IdleStrategy {

  /** On a single core the device's emulation runs only while this thread does not. */
  private static final boolean SPINS = Runtime.getRuntime().availableProcessors() > 1;

  /**
   * Of some 100 ns each: together several times the latency of flash. What takes longer is not worth a
   * core.
   */
  private static final int POLLS = SPINS ? 3_000 : 0;

  private static final long FIRST_PARK_NS = 20_000;

  /** Some microseconds. */
  private static final int SHORT_SPINS = SPINS ? 100 : 0;

  private static final int VIRTUAL_YIELDS = 100;
  private static final int PARKS_PER_DOUBLING = 8;
  private static final int DOUBLINGS = 5;

  private final Clock clock;

  public IdleStrategy(Clock clock) {
    this.clock = clock;
  }

  /**
   * For a thread that polls for its own operation: spins for long enough for flash.
   *
   * @param idlePolls polls in a row that found nothing, from 0
   * @return 0 if the thread has waited, else for how many nanoseconds it should park
   */
  public long spinOrParkNs(int idlePolls) {
    if (idlePolls < POLLS) {
      clock.spin();
      return 0;
    }
    return parkNs(idlePolls - POLLS);
  }

  /** For a thread that has polled in vain: how long to park, longer and longer. */
  public static long parkNs(int parksBefore) {
    return FIRST_PARK_NS << Math.min(parksBefore / PARKS_PER_DOUBLING, DOUBLINGS);
  }

  /**
   * For a thread that serves others: spins for some microseconds, then parks.
   *
   * @param idlePolls polls in a row that found nothing, from 0
   */
  public void idle(int idlePolls) {
    if (idlePolls < SHORT_SPINS) {
      clock.spin();
    } else {
      clock.parkNanos(this, parkNs(idlePolls - SHORT_SPINS));
    }
  }

  /** Whether {@link #idle} parks for so long that new work should end it. */
  public static boolean isLongNap(int idlePolls) {
    return idlePolls >= SHORT_SPINS + 2 * PARKS_PER_DOUBLING;
  }

  /**
   * For a virtual thread, which leaves its carrier to others: yields, then parks.
   *
   * @param idlePolls polls in a row that found nothing, from 0
   * @return 0 if the thread has waited, else for how many nanoseconds it should park
   */
  @SuppressWarnings("ThreadPriorityCheck") // not a yield of the carrier
  public long yieldOrParkNs(int idlePolls) {
    if (idlePolls < VIRTUAL_YIELDS) {
      Thread.yield();
      return 0;
    }
    return parkNs(idlePolls - VIRTUAL_YIELDS);
  }
}
