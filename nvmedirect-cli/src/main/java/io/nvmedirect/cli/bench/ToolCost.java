package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

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

  /** Nobody reads or writes the buffers. */
  private static final int NOTHING_BYTES = 4096;

  /** The largest region that is worth measuring. */
  private static final long SIZE_BYTES = 1L << 30;

  /**
   * Measures it for a job's pattern, in half a second: the best of several slices, for in the others other programs had
   * the core.
   */
  public static ToolCost of(Job job) throws IOException {
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
    ToolCost best = measured(load, WARM_UP);
    for (int i = 1; i < SLICES; i++) {
      ToolCost slice = measured(load, Duration.ZERO);
      best = slice.nsPerIo < best.nsPerIo ? slice : best;
    }
    return best;
  }

  private static ToolCost measured(Job load, Duration warmUp) throws IOException {
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
    double operations =
        Math.max(
            1,
            measurement.reads.fromPostNs.getTotalCount()
                + measurement.writes.fromPostNs.getTotalCount());
    return new ToolCost(
        (measurement.endNs() - measurement.beginNs()) / operations,
        measurement.allocatedBytes() / operations);
  }
}
