package io.nvmedirect;

import io.nvmedirect.driver.Backoff;
import io.nvmedirect.transport.Reaper;

/**
 * Reaps the queues of a device for threads that wait for something other than an operation of their own.
 * Any thread.
 */
final class DeviceReaper implements Reaper {

  private final DeviceQueues queues;

  DeviceReaper(DeviceQueues queues) {
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
    Backoff.idle(idle);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return idle + 1;
  }
}
