package io.nvmedirect.cli.bench;

import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * What was measured of a job, or of several together.
 *
 * @param job the job, or the first one of them
 * @param group its number among the groups of the run, from 0 on
 * @param workers how many workers took part
 * @param seconds length of the measurement
 * @param syncsNs latencies of the flushes
 * @param depths how many I/Os of a worker were together
 */
public record Result(
    Job job,
    int group,
    int workers,
    double seconds,
    Side reads,
    Side writes,
    Histogram syncsNs,
    Depths depths,
    Usage usage,
    Series series) {

  /**
   * Reads, or writes.
   *
   * @param fromPostNs latencies from the post of each I/O to its completion, as the worker saw it
   * @param fromDueNs latencies from the moment when each I/O was due: with a rate, an I/O that had to wait for
   *     the ones before it counts its wait; without one the same histogram as {@code fromPostNs}
   */
  public record Side(long bytes, Histogram fromPostNs, Histogram fromDueNs) {

    public long operations() {
      return fromPostNs.getTotalCount();
    }
  }

  /**
   * What the measurement used.
   *
   * @param processCpuNs of all threads of the process: with an emulated controller its CPU is in it
   * @param userNs of the workers' threads
   * @param systemNs of the workers' threads
   * @param allocatedBytes by the workers' threads, on the Java heap
   * @param collections of garbage, in the process
   * @param collectionMs all of their pauses together
   * @param switches of the workers' threads to others
   * @param majorFaults of the workers' threads: page faults that took I/O
   * @param minorFaults of the workers' threads: all others
   */
  public record Usage(
      long processCpuNs,
      long userNs,
      long systemNs,
      long allocatedBytes,
      long collections,
      long collectionMs,
      long switches,
      long majorFaults,
      long minorFaults) {}

  /**
   * I/Os over time.
   *
   * @param intervalMs length of each interval
   * @param reads completed in each
   * @param writes completed in each
   */
  public record Series(long intervalMs, List<Long> reads, List<Long> writes) {}

  public long operations() {
    return reads.operations() + writes.operations();
  }

  public long bytes() {
    return reads.bytes() + writes.bytes();
  }

  public double iops() {
    return seconds == 0 ? 0 : operations() / seconds;
  }
}
