package io.nvmedirect.emulator;

/**
 * Weighted round robin with urgent priority class (NVMe 1.4, section 4.13.2). Admin commands go first,
 * then urgent queues, strictly. What they leave is shared by rounds: in each, the high, medium and low
 * queues have as many commands executed as their priority has credits, which are its weight; a priority
 * without commands does not hold the others up. Queues of one priority take turns, each of a burst at
 * most. Owned by the engine.
 */
final class WeightedRoundRobin {

  /** Executes commands of a queue, as far as it has any and they can complete. */
  @FunctionalInterface
  interface Server {
    /** Executes at most {@code most} commands; returns how many. */
    int serve(DeviceSubmissionQueue queue, int most);
  }

  private static final int FIRST = DeviceSubmissionQueue.ADMIN;
  private static final int PRIORITIES = DeviceSubmissionQueue.LOW - FIRST + 1;

  private final DeviceQueues queues;
  private final Features features;
  private final Server server;

  /** Commands that are left of the round, by QPRIO. */
  private final int[] credits = new int[DeviceSubmissionQueue.LOW + 1];

  /** For each priority, the active queue at which the search for the next turn begins. */
  private final int[] next = new int[PRIORITIES];

  WeightedRoundRobin(DeviceQueues queues, Features features, Server server) {
    this.queues = queues;
    this.features = features;
    this.server = server;
  }

  /**
   * Executes one burst of one queue, so that urgent commands never wait for longer.
   *
   * @return commands executed, 0 if there were none
   */
  int turn() {
    int burst = features.arbitrationBurst();
    int done = turn(DeviceSubmissionQueue.ADMIN, burst);
    if (done == 0) {
      done = turn(DeviceSubmissionQueue.URGENT, burst);
    }
    if (done == 0) {
      done = spend(burst);
    }
    if (done == 0) {
      for (int priority = DeviceSubmissionQueue.HIGH; priority < credits.length; priority++) {
        credits[priority] = features.weight(priority);
      }
      done = spend(burst);
    }
    return done;
  }

  /** A turn for the first priority that has both credits and commands. */
  private int spend(int burst) {
    int done = 0;
    for (int i = DeviceSubmissionQueue.HIGH; i < credits.length && done == 0; i++) {
      if (credits[i] > 0) {
        done = turn(i, Math.min(burst, credits[i]));
        credits[i] -= done;
      }
    }
    return done;
  }

  /** A turn for the next queue of a priority that has commands. */
  private int turn(int priority, int most) {
    int count = queues.activeCount();
    int at = next[priority - FIRST];
    for (int i = 0; i < count; i++, at++) {
      if (at >= count) {
        at = 0; // also if queues were deleted meanwhile
      }
      DeviceSubmissionQueue queue = queues.active(at);
      if (queue.priority == priority) {
        int done = server.serve(queue, most);
        if (done > 0) {
          next[priority - FIRST] = at + 1;
          return done;
        }
      }
    }
    return 0;
  }
}
