package io.nvmedirect;

import io.nvmedirect.spec.Opcode;

/**
 * What the operations of a path took, learned for each kind of command and magnitude of length, to tell
 * how long a thread may sleep before it polls.
 *
 * <p>Mean and mean deviation move by an eighth of each sample's error, as round trip times do in TCP (RFC
 * 6298). Upwards an error counts as a quarter of the mean at most, so that a few operations which took
 * many times as long do not keep the rest from sleeping.
 *
 * <p>A sample is exact only if polling saw the operation end. One that had ended by the end of the sleep
 * has taken anything up to that: it only shortens the next sleep, for else sleeping would make
 * operations look slow and sleeps longer.
 *
 * <p>Threads race here, without any order: each element is an {@code int} of its own, so that the
 * worst is a lost sample.
 */
final class LatencyModel {

  /** A shorter latency is polled for: a sleep of that length costs as much as it saves. */
  static final long SHORT_NS = 20_000;

  private static final long SHORTEST_SLEEP_NS = 5_000;

  /** Polling after the sleep: at least, and at most. */
  private static final long LEAST_POLL_NS = 100_000;

  private static final long MOST_POLL_NS = 1_000_000;

  /** A thread that wakes later than this was kept from running, which says nothing of the next time. */
  private static final long MOST_LATE_NS = 20_000;

  /** Short latencies grow by more than a quarter. */
  private static final int LEAST_ERROR_NS = 1_000;

  private static final int COMMANDS = 4;
  private static final int LENGTHS = Long.SIZE;
  private static final int SHIFT = 3;

  /** 0: unknown. */
  private final int[] meanNs = new int[COMMANDS * LENGTHS];

  private final int[] deviationNs = new int[COMMANDS * LENGTHS];

  /** How late a sleep ends, on average. */
  private int lateNs;

  /** The index for operations of an opcode and about that length. */
  static int kind(int opcode, long lengthBytes) {
    int command =
        switch (opcode) {
          case Opcode.READ, Opcode.COMPARE, Opcode.VERIFY -> 0;
          case Opcode.WRITE -> 1;
          case Opcode.FLUSH -> 2;
          default -> 3;
        };
    return command * LENGTHS + Long.SIZE - 1 - Long.numberOfLeadingZeros(lengthBytes | 1);
  }

  /** The mean latency of a kind; 0 if it is unknown. */
  long meanNs(int kind) {
    return meanNs[kind];
  }

  /** How long to sleep after the submission; 0 for not at all. */
  long sleepNs(int kind) {
    long mean = meanNs[kind];
    if (mean < SHORT_NS) {
      return 0;
    }
    long sleep = mean - 2L * deviationNs[kind] - lateNs;
    return sleep < SHORTEST_SLEEP_NS ? 0 : sleep;
  }

  /** How long to poll then. */
  long pollNs(int kind) {
    long mean = meanNs[kind];
    return mean == 0 ? MOST_POLL_NS : Math.clamp(mean, LEAST_POLL_NS, MOST_POLL_NS);
  }

  /** A sleep that nothing has ended early was this much too long. */
  void overslept(long ns) {
    lateNs += (int) ((Math.clamp(ns, 0, MOST_LATE_NS) - lateNs) / (1 << SHIFT));
  }

  /** Polling saw an operation end. */
  void exact(int kind, long latencyNs) {
    int latency = Math.clamp(latencyNs, 1, Integer.MAX_VALUE);
    int mean = meanNs[kind];
    if (mean == 0) {
      meanNs[kind] = latency;
      deviationNs[kind] = latency / 4;
      return;
    }
    int error = Math.min(latency - mean, Math.max(mean / 4, LEAST_ERROR_NS));
    meanNs[kind] = mean + error / (1 << SHIFT);
    deviationNs[kind] += (Math.abs(error) - deviationNs[kind]) / (1 << SHIFT);
    if (mean >= SHORT_NS && sleepNs(kind) == 0) {
      // Nobody sleeps, so that nobody would see that sleeps are exact again.
      lateNs -= lateNs / (1 << SHIFT);
    }
  }

  /** An operation had ended when the sleep was over, {@code latencyNs} after the submission. */
  void early(int kind, long latencyNs) {
    int mean = (int) Math.min(meanNs[kind], latencyNs);
    meanNs[kind] = mean - (mean >> (SHIFT + 1));
  }

  /** Polling was given up {@code latencyNs} after the submission. */
  void late(int kind, long latencyNs) {
    if (latencyNs > meanNs[kind]) {
      exact(kind, latencyNs);
    }
  }
}
