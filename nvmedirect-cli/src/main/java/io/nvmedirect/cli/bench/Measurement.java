package io.nvmedirect.cli.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** What one worker measures, on its thread. */
final class Measurement {

  private static final long LONGEST_NS = TimeUnit.MINUTES.toNanos(10);
  private static final int DIGITS = 3;
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Reads, or writes. */
  static final class Direction {
    final Histogram fromPostNs = new Histogram(LONGEST_NS, DIGITS);

    /** The same as the other one without a rate. */
    final Histogram fromDueNs;

    private final boolean paced;
    long bytes;
    long[] series;
    private long count;

    private Direction(boolean paced, int intervals) {
      this.paced = paced;
      this.series = new long[intervals + 2];
      this.fromDueNs = paced ? new Histogram(LONGEST_NS, DIGITS) : fromPostNs;
    }

    private void record(int lengthBytes, long postedNs, long dueNs, long nowNs) {
      fromPostNs.recordValue(Math.clamp(nowNs - postedNs, 0, LONGEST_NS));
      if (paced) {
        fromDueNs.recordValue(Math.clamp(nowNs - dueNs, 0, LONGEST_NS));
      }
      bytes += lengthBytes;
      count++;
    }

    private void roll(int interval) {
      if (interval >= series.length) {
        series = Arrays.copyOf(series, 2 * interval);
      }
      series[interval] = count;
      count = 0;
    }
  }

  final Direction reads;
  final Direction writes;
  final Histogram syncsNs = new Histogram(LONGEST_NS, DIGITS);
  private final long intervalNs;
  private final Clock clock;
  private long beginNs;
  private long endNs;
  private long intervalEndNs;
  private int intervals;
  private long processBeginNs;
  private long processEndNs;
  private long userNs;
  private long systemNs;
  private long allocatedBytes;
  private ThreadCounters counters = ThreadCounters.NONE;
  final Depths depths = new Depths();

  /**
   * @param paced whether the I/Os have moments when they are due
   * @param intervals expected, so that there is room for them from the beginning
   */
  Measurement(boolean paced, long intervalNs, int intervals) {
    this(paced, intervalNs, intervals, Clock.SYSTEM);
  }

  Measurement(boolean paced, long intervalNs, int intervals, Clock clock) {
    this.clock = clock;
    this.reads = new Direction(paced, intervals);
    this.writes = new Direction(paced, intervals);
    this.intervalNs = intervalNs;
  }

  /**
   * The worker's thread begins to measure.
   *
   * @return when that was
   */
  long begin() {
    counters = ThreadCounters.now();
    // What that took is not measured.
    long nowNs = clock.nowNs();
    beginNs = nowNs;
    endNs = nowNs;
    intervalEndNs = nowNs + intervalNs;
    processBeginNs = PROCESS.getProcessCpuTime();
    count(-1);
    return nowNs;
  }

  /** The worker's thread has measured, and waits for nothing more. */
  void end(long nowNs) {
    endNs = Math.max(beginNs, nowNs);
    count(1);
    processEndNs = PROCESS.getProcessCpuTime();
    roll(nowNs);
    reads.roll(intervals);
    writes.roll(intervals);
    counters = ThreadCounters.now().minus(counters);
  }

  /** Reading the clocks allocates nothing. */
  private void count(int sign) {
    long user = THREADS.getCurrentThreadUserTime();
    userNs += sign * user;
    systemNs += sign * (THREADS.getCurrentThreadCpuTime() - user);
    allocatedBytes += sign * THREADS.getCurrentThreadAllocatedBytes();
  }

  void read(int lengthBytes, long postedNs, long dueNs, long nowNs) {
    if (nowNs >= intervalEndNs) {
      roll(nowNs);
    }
    reads.record(lengthBytes, postedNs, dueNs, nowNs);
  }

  void written(int lengthBytes, long postedNs, long dueNs, long nowNs) {
    if (nowNs >= intervalEndNs) {
      roll(nowNs);
    }
    writes.record(lengthBytes, postedNs, dueNs, nowNs);
  }

  /** I/Os that were due and never posted: they have a latency since then, and nothing else. */
  void overdue(boolean write, long waitedNs, long count) {
    Direction direction = write ? writes : reads;
    direction.fromDueNs.recordValueWithCount(Math.clamp(waitedNs, 0, LONGEST_NS), count);
  }

  void synced(long postedNs, long nowNs) {
    syncsNs.recordValue(Math.clamp(nowNs - postedNs, 0, LONGEST_NS));
  }

  private void roll(long nowNs) {
    while (nowNs >= intervalEndNs) {
      reads.roll(intervals);
      writes.roll(intervals);
      intervals++;
      intervalEndNs += intervalNs;
    }
  }

  /** What the worker that measures goes by. */
  Clock clock() {
    return clock;
  }

  long beginNs() {
    return beginNs;
  }

  long endNs() {
    return endNs;
  }

  /** CPU time of the process when this worker began, and when it ended. */
  long processBeginNs() {
    return processBeginNs;
  }

  long processEndNs() {
    return processEndNs;
  }

  long userNs() {
    return userNs;
  }

  long systemNs() {
    return systemNs;
  }

  ThreadCounters counters() {
    return counters;
  }

  long allocatedBytes() {
    return allocatedBytes;
  }

  /** Whole intervals. */
  int intervals() {
    return intervals;
  }

  long intervalNs() {
    return intervalNs;
  }
}
