package io.nvmedirect;

/**
 * Which queues a busy controller serves first, if it has weighted round robin arbitration (NVMe 1.4,
 * section 4.13.2). {@link NvmeDevice#hasQueuePriorities} says so; on other controllers priorities have no
 * effect, and all queues take turns.
 */
public enum QueuePriority {
  /** Before all others, as long as it has commands: the others get nothing meanwhile. */
  URGENT(0),

  /** A share of what urgent queues leave, by {@link DeviceOptions#queueWeights}; the next two too. */
  HIGH(1),

  /** The priority of queues that are made without one. */
  MEDIUM(2),

  LOW(3);

  private final int code;

  QueuePriority(int code) {
    this.code = code;
  }

  /** QPRIO of Create I/O Submission Queue. */
  int code() {
    return code;
  }
}
