package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the tool itself costs: positions, clock, histogram and bookkeeping, measured with an engine that does
 * nothing.
 *
 * @param nsPerIo on one core
 * @param bytesPerIo allocated on the heap
 */
public record ToolCost(double nsPerIo, double bytesPerIo) {

  private static final Duration WARM_UP = Duration.ofMillis(300);
  private static final Duration SLICE = Duration.ofMillis(50);
  private static final int SLICES = 4;

  /** On a busy machine few slices are good for anything; this many are two seconds. */
  private static final int MOST_SLICES = 40;

  /** Of fewer I/Os than this, the time is mostly that of beginning and ending. */
  private static final long FEWEST_OPERATIONS = 1000;

  /** Nobody reads or writes the buffers. */
  private static final int NOTHING_BYTES = 4096;

  /** One measurement. */
  record Slice(long elapsedNs, long operations, long allocatedBytes) {

    /** A thread that got no core in time has measured nothing. */
    boolean isMeasured() {
      return elapsedNs > 0 && operations >= FEWEST_OPERATIONS;
    }

    double nsPerIo() {
      return (double) elapsedNs / operations;
    }
  }

  /** Measures once. */
  @FunctionalInterface
  interface Slicing {
    Slice measure() throws IOException;
  }

  /** The largest region that is worth measuring. */
  private static final long SIZE_BYTES = 1L << 30;

  /**
   * Measures it for a job's pattern, in half a second, or two if others have the cores: the best of several slices, for
   * in the others other programs had the core.
   *
   * @return null if it could not be measured
   */
  public static @Nullable ToolCost of(Job job) throws IOException {
    Job.Pattern pattern = job.pattern();
    Job load =
        new Job(
            job.name(),
            job.target(),
            pattern,
            job.depth(),
            1,
            new Job.Span(WARM_UP, SLICE, true, 0),
            new Job.Pace(0, false, 0, 1, 0),
            0,
            Job.Verification.NONE,
            job.grouping());
    measured(load, WARM_UP);
    return best(() -> measured(load, Duration.ZERO));
  }

  /** The best of so many slices that have measured something; null if none of the most that are tried has. */
  static @Nullable ToolCost best(Slicing slicing) throws IOException {
    Slice best = null;
    for (int tried = 0, good = 0; tried < MOST_SLICES && good < SLICES; tried++) {
      Slice slice = slicing.measure();
      if (slice.isMeasured()) {
        good++;
        best = best == null || slice.nsPerIo() < best.nsPerIo() ? slice : best;
      }
    }
    return best == null
        ? null
        : new ToolCost(best.nsPerIo(), (double) best.allocatedBytes / best.operations);
  }

  private static Slice measured(Job load, Duration warmUp) throws IOException {
    Job.Pattern pattern = load.pattern();
    SplittableRandom random = new SplittableRandom(pattern.seed());
    Measurement measurement = new Measurement(false, TimeUnit.MILLISECONDS.toNanos(100), 2);
    Worker worker =
        new Worker(
            load,
            load.depth(),
            new Positions(pattern, Math.max(SIZE_BYTES, pattern.blocks().most()), 0, 1, random),
            Long.MAX_VALUE,
            random,
            measurement,
            0,
            listener -> new NullIo(load.depth(), NOTHING_BYTES, listener));
    long fromNs = System.nanoTime() + warmUp.toNanos();
    worker.run(fromNs, fromNs + SLICE.toNanos());
    return new Slice(
        measurement.endNs() - measurement.beginNs(),
        measurement.reads.fromPostNs.getTotalCount()
            + measurement.writes.fromPostNs.getTotalCount(),
        measurement.allocatedBytes());
  }
}
