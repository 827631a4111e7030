package io.nvmedirect;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.concurrent.IdleStrategy;
import io.nvmedirect.transport.Reaper;

/**
 * Reaps the queues of a device for threads that wait for something other than an operation of their own.
 * Any thread.
 */
final class DeviceReaper implements Reaper {

  private final DeviceQueues queues;
  private final IdleStrategy idleStrategy;

  DeviceReaper(DeviceQueues queues, Clock clock) {
    this.idleStrategy = new IdleStrategy(clock);
    this.queues = queues;
  }

  /** A thread in a callback may be the completion thread; a confined queue has no other. */
  @Override
  public boolean mustReap() {
    if (NvmeQueue.isDelivering()) {
      return true;
    }
    for (NvmeQueue queue : queues.open()) {
      if (queue.isConfinedToThisThread()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public int reap(int idle) {
    int reaped = 0;
    for (NvmeQueue queue : queues.open()) {
      reaped += queue.ringAndReap();
    }
    if (reaped > 0) {
      return 0;
    }
    // An interrupted thread does not park.
    boolean interrupted = Thread.interrupted();
    idleStrategy.idle(idle);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return idle + 1;
  }
}
