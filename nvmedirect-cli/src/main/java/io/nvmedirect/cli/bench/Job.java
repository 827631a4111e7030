package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Addresses;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A load: what fio calls a job.
 *
 * @param name for the results
 * @param depth I/Os in flight of each worker, from 1 on
 * @param workers equal workers, each with a thread (fio's numjobs), from 1 on
 * @param fsyncEvery a flush after so many writes of a worker; 0 for none
 */
public record Job(
    String name,
    Target target,
    Pattern pattern,
    int depth,
    int workers,
    Span span,
    Pace pace,
    int fsyncEvery,
    Verification verification,
    Grouping grouping) {

  /** The same job elsewhere. */
  public Job with(Target other) {
    return new Job(
        name, other, pattern, depth, workers, span, pace, fsyncEvery, verification, grouping);
  }

  /** The same job at another pace. */
  Job with(Pace other) {
    return new Job(
        name, target, pattern, depth, workers, span, other, fsyncEvery, verification, grouping);
  }

  /** The same job for another time. */
  public Job with(Span other) {
    return new Job(
        name, target, pattern, depth, workers, other, pace, fsyncEvery, verification, grouping);
  }

  /**
   * Where the I/O goes.
   *
   * @param address of the framework for {@link Engine#NVMED}, else a path
   * @param direct O_DIRECT, of the engines that use a path; the framework has no page cache to avoid
   */
  public record Target(Engine engine, String address, boolean direct) {

    /** The path of its file or block device; null if it is on something else. */
    @Nullable String path() {
      return engine == Engine.NVMED ? Addresses.file(address) : address;
    }
  }

  /**
   * Which I/O.
   *
   * @param readPercent reads among a hundred I/Os of a workload that does both
   * @param offset where the region begins, in bytes
   * @param size of the region in bytes; 0 for all that follows the offset
   * @param repeats whether random positions may come twice before each block had its turn
   * @param seed of the positions; the same seed gives the same sequence
   */
  public record Pattern(
      Workload workload,
      int readPercent,
      BlockSizes blocks,
      Distribution distribution,
      long offset,
      long size,
      boolean repeats,
      long seed) {

    /** The same in another part of the region. */
    Pattern at(long otherOffset, long otherSize) {
      return new Pattern(
          workload, readPercent, blocks, distribution, otherOffset, otherSize, repeats, seed);
    }
  }

  /**
   * How long it goes on: until the runtime is over, or the bytes are done, whichever is first.
   *
   * @param ramp time before the measurement
   * @param runtime of the measurement; null for no limit
   * @param timeBased whether to go on until the runtime is over, however many bytes that is
   * @param bytes to be transferred by each worker if it is not time based; 0 for the size of the region
   */
  public record Span(Duration ramp, @Nullable Duration runtime, boolean timeBased, long bytes) {}

  /**
   * How fast it may go.
   *
   * @param iops of each worker; 0 for no limit
   * @param poisson whether the intervals are exponentially distributed, else they are equal
   * @param thinkNs a pause of the worker, in nanoseconds
   * @param thinkBlocks the number of I/Os between pauses, from 1 on
   * @param phaseNs when the first I/O is due, in nanoseconds after the start
   */
  public record Pace(double iops, boolean poisson, long thinkNs, int thinkBlocks, long phaseNs) {

    /** The part of one of several workers, which take turns: they do not all begin their I/Os at once. */
    Pace shared(int worker, int workers) {
      long phase = iops == 0 ? 0 : (long) (worker * NS_PER_SECOND / iops);
      return new Pace(iops / workers, poisson, thinkNs, thinkBlocks, phase);
    }

    private static final double NS_PER_SECOND = 1e9;
  }

  /** What is done to know that the data is right. */
  public enum Verification {
    NONE,
    /** Each block that is written has a header with a CRC-32C; each block that is read is checked. */
    CRC32C,
    /** As {@link #CRC32C}; after its writes the job also reads and checks what it has written. */
    CRC32C_AFTER_WRITES
  }

  /**
   * How it goes with the jobs before it.
   *
   * @param stonewall whether it waits until they have ended
   * @param newGroup whether its results are apart from theirs in a report by groups
   * @param together whether the results of its group's workers are reported as one
   * @param startDelay after the start of those that it runs with
   */
  public record Grouping(
      boolean stonewall, boolean newGroup, boolean together, Duration startDelay) {}
}
