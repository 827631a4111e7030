package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The calling thread's timer slack (PR_SET_TIMERSLACK(2const)): by how much the kernel may delay the end
 * of a sleep, to wake for several at once. Threads begin with 50 µs. For platform threads: a virtual
 * thread would set its carrier's. Nothing here allocates or throws, for a sleep that is less exact is
 * one all the same.
 */
public final class TimerSlack {

  private static final int PR_SET_TIMERSLACK = 29;
  private static final int PR_GET_TIMERSLACK = 30;
  private static final long LEAST_NS = 1;

  /** Of all threads at once: nobody asks which error it was. */
  private static final MemorySegment STATE = Libc.newState(Arena.global());

  private TimerSlack() {}

  /** The slack in nanoseconds, or {@code -errno}. */
  public static int get() {
    return Libc.prctl(STATE, PR_GET_TIMERSLACK, 0);
  }

  /** Has sleeps end as exactly as the kernel can; returns the slack before, for {@link #restore}. */
  public static int least() {
    int before = get();
    if (before > LEAST_NS) {
      Libc.prctl(STATE, PR_SET_TIMERSLACK, LEAST_NS);
    }
    return before;
  }

  /** Sets what {@link #least} has returned. */
  public static void restore(int before) {
    if (before > LEAST_NS) {
      Libc.prctl(STATE, PR_SET_TIMERSLACK, before);
    }
  }
}
