package io.nvmedirect.benchmarks;

import io.nvmedirect.HandleOption;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import java.io.IOException;
import java.util.Locale;

/** The completion policies, with the queues and handles that each is measured on. */
enum Policy {
  POLL,
  INTERRUPT,
  HYBRID;

  NvmeQueue queue(NvmeDevice device) throws IOException {
    return this == POLL ? device.createQueue() : device.createQueue(QueueOption.INTERRUPT);
  }

  NvmeHandle handle(NvmeQueue queue) {
    return switch (this) {
      case POLL -> queue.createHandle();
      case INTERRUPT -> queue.createHandle(HandleOption.INTERRUPT);
      case HYBRID -> queue.createHandle(HandleOption.HYBRID);
    };
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
