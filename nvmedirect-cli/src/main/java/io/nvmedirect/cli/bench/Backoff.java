package io.nvmedirect.cli.bench;

import java.util.concurrent.locks.LockSupport;

/**
 * What a polling thread does when nothing has completed: spin, then yield so that on a machine with few
 * cores a controller's thread gets one, then sleep so that a device that is gone costs nothing.
 */
public final class Backoff {

  private static final int SPINS = 32;
  private static final int YIELDS = 20_000;
  private static final long SLEEP_NS = 50_000;

  private int idle;

  /** Call with the result of each poll. */
  @SuppressWarnings("ThreadPriorityCheck") // yielding is the point
  public void after(int completed) {
    if (completed > 0) {
      idle = 0;
    } else if (idle < SPINS) {
      idle++;
      Thread.onSpinWait();
    } else if (idle < SPINS + YIELDS) {
      idle++;
      Thread.yield();
    } else {
      LockSupport.parkNanos(SLEEP_NS);
    }
  }
}
