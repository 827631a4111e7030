package io.nvmedirect.driver;

import io.nvmedirect.spec.Opcode;
import java.util.Arrays;

/**
 * How many commands the device shall have at once, so that what is too much for it waits in the host,
 * where it can be put in order. Like TCP Vegas: latency beyond that of an unloaded device is taken for
 * queueing in it, and the window is kept where commands take a certain multiple of the unloaded
 * latency. That is a low one, with a window of its own, while there are commands of the latency class.
 *
 * <p>The unloaded latency, by opcode and size, is learned at the start and from time to time: a probe
 * of some commands, one at a time. The latencies of a fast device are mostly the host's, so below
 * {@link #FLOOR_NS} nothing is taken for queueing. And where a reap mostly finds that the device has
 * completed everything, as one that executes in the doorbell does, or one that is polled rarely, the
 * host sets the pace, latencies say nothing, and the window grows.
 *
 * <p>A plain calculation with the times that it is given; belongs to the owner of the queue.
 */
final class Window {

  /** What is kept, as percents of the unloaded latency. With commands of the latency class: */
  private static final int TIGHT_LOW = 125;

  private static final int TIGHT_HIGH = 140;
  private static final int LOW = 190;
  private static final int HIGH = 215;

  private static final long FLOOR_NS = 10_000;

  /** A sample counts as at most so many times the unloaded latency: a thread that lost its CPU. */
  private static final int CLIP = 8;

  /** The window is tight for so long after a command of the latency class. */
  private static final long TIGHT_NS = 10_000_000;

  private static final int FIRST = 32;
  private static final int FIRST_TIGHT = 4;

  /** Fewest completions between two changes. */
  private static final int ROUND = 32;

  private static final int PROBE = 32;
  private static final long PROBE_INTERVAL_NS = 1_000_000_000;

  /** A probe takes at most one part in so many of the time. */
  private static final int PROBE_SHARE = 200;

  /** The next probe is no sooner than this, also when kinds come that the last one has not seen. */
  private static final long NEW_KIND_NS = 100_000_000;

  /** Fewest samples of a kind in a probe that say something. */
  private static final int FEW = 4;

  private static final int SIZES = 16;
  private static final int KINDS = 3 * SIZES;
  private static final int KIND_SHIFT = 48;
  private static final long MAX_LATENCY_NS = (1L << KIND_SHIFT) - 1;

  /** Most commands in flight. */
  private final int depth;

  /** By kind; 0 if not known. */
  private final long[] unloadedNs = new long[KINDS];

  private int relaxedSize;
  private int tightSize;
  private boolean tight;
  private boolean latencySeen;
  private long latencySeenNs;

  // The round.
  private int completions;
  private int unknown;
  private int inDrained;
  private long sumNs;
  private long sumUnloadedNs;

  // The probe.
  private boolean probing;
  private boolean probeBegun;
  private long probeBegunNs;
  private long probeEndedNs;
  private long nextProbeNs;
  private final long[] samples = new long[PROBE];
  private int sampled;

  /**
   * @param depth most commands in flight, the largest window
   */
  Window(int depth, long nowNs) {
    this.depth = depth;
    this.relaxedSize = Math.min(FIRST, depth);
    this.tightSize = Math.min(FIRST_TIGHT, depth);
    this.nextProbeNs = nowNs;
    this.probeEndedNs = nowNs;
  }

  /** What has a latency of its own: reads, writes and the rest, by magnitude of their length. */
  static int kind(int opcode, long lengthBytes) {
    int size = Long.SIZE - Long.numberOfLeadingZeros(lengthBytes >>> 12);
    int operation = opcode == Opcode.READ ? 0 : opcode == Opcode.WRITE ? 1 : 2;
    return operation * SIZES + Math.min(size, SIZES - 1);
  }

  /** A command of the latency class is on its way. */
  void latencyCommand(long nowNs) {
    latencySeen = true;
    latencySeenNs = nowNs;
  }

  /** Most commands of the other classes to be in flight, at least 1. */
  int size(long nowNs) {
    boolean tightNow = latencySeen && nowNs - latencySeenNs < TIGHT_NS;
    if (tightNow != tight) {
      tight = tightNow;
      latencySeen = tightNow;
      startRound();
    }
    if (probing) {
      return 1;
    }
    return tight ? tightSize : relaxedSize;
  }

  /**
   * A command has completed with success.
   *
   * @param held it was of the classes that the window holds back
   */
  void completed(int kind, boolean held, long postedNs, long nowNs) {
    long latencyNs = Math.clamp(nowNs - postedNs, 1, MAX_LATENCY_NS);
    if (probing) {
      // What was posted before the device had got rid of its load does not count.
      if (probeBegun && postedNs - probeBegunNs >= 0) {
        sample(kind, latencyNs, nowNs);
      }
    } else if (held) {
      completions++;
      long unloaded = unloadedNs[kind];
      if (unloaded > 0) {
        sumNs += Math.min(latencyNs, CLIP * unloaded);
        sumUnloadedNs += unloaded;
      } else {
        unknown++;
      }
    }
  }

  /** A command has failed: a probe would learn how long that takes. */
  void failed(long nowNs) {
    if (probing) {
      endProbe(nowNs);
    }
  }

  /**
   * Completions were taken.
   *
   * @param held how many of the classes that the window holds back
   * @param drained the device has no other of them
   * @param waiting requests of them that wait
   */
  void reaped(int held, boolean drained, int waiting, long nowNs) {
    if (probing) {
      if (drained && !probeBegun) {
        probeBegun = true;
        probeBegunNs = nowNs;
      }
      return;
    }
    if (waiting > 0 && nowNs - nextProbeNs >= 0) {
      probing = true;
      probeBegun = drained;
      probeBegunNs = nowNs;
      sampled = 0;
      return;
    }
    if (drained) {
      inDrained += held;
    }
    int size = tight ? tightSize : relaxedSize;
    if (completions >= Math.max(ROUND, size)) {
      endRound(size, waiting, nowNs);
    }
  }

  /** A window that is large, or whose pace the host sets, leaves half of all to wait and be ordered. */
  private void endRound(int size, int waiting, long nowNs) {
    int step = Math.max(1, size >> 3);
    if (2 * inDrained > completions) {
      resize(waiting >= size ? size + step : size);
    } else if (isAbove(tight ? TIGHT_HIGH : HIGH)) {
      resize(size - step);
    } else if (waiting >= (size < FIRST ? 1 : size) && !isAbove(tight ? TIGHT_LOW : LOW)) {
      resize(size + step);
    }
    if (2 * unknown > completions && nowNs - probeEndedNs > NEW_KIND_NS) {
      nextProbeNs = nowNs;
    }
    startRound();
  }

  private boolean isAbove(int percent) {
    return sumNs * 100 > sumUnloadedNs * percent;
  }

  private void resize(int size) {
    int bounded = Math.clamp(size, 1, depth);
    if (tight) {
      tightSize = bounded;
    } else {
      relaxedSize = bounded;
    }
  }

  private void startRound() {
    completions = 0;
    unknown = 0;
    inDrained = 0;
    sumNs = 0;
    sumUnloadedNs = 0;
  }

  private void sample(int kind, long latencyNs, long nowNs) {
    samples[sampled++] = (long) kind << KIND_SHIFT | latencyNs;
    if (sampled == PROBE) {
      learn();
      endProbe(nowNs);
    }
  }

  private void endProbe(long nowNs) {
    probing = false;
    probeEndedNs = nowNs;
    long tookNs = probeBegun ? nowNs - probeBegunNs : 0;
    nextProbeNs = nowNs + Math.max(PROBE_INTERVAL_NS, PROBE_SHARE * tookNs);
    startRound();
  }

  /**
   * The mean of each kind, without its largest quarter, in which the host has been slow; a kind that is
   * known rises by at most a quarter, for the host may have been slow all the time.
   */
  private void learn() {
    Arrays.sort(samples);
    for (int from = 0; from < PROBE; ) {
      int kind = (int) (samples[from] >>> KIND_SHIFT);
      int to = from;
      while (to < PROBE && samples[to] >>> KIND_SHIFT == kind) {
        to++;
      }
      if (to - from >= FEW) {
        int count = to - from - ((to - from) >> 2);
        long sum = 0;
        for (int i = from; i < from + count; i++) {
          sum += samples[i] & MAX_LATENCY_NS;
        }
        long before = unloadedNs[kind];
        long now = Math.max(FLOOR_NS, sum / count);
        unloadedNs[kind] = before == 0 ? now : Math.min(now, before + (before >> 2));
      }
      from = to;
    }
  }
}
