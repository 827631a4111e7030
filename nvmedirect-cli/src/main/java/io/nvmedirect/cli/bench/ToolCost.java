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
  private static final Duration RUNTIME = Duration.ofMillis(200);

  /** The largest region that is worth measuring. */
  private static final long SIZE_BYTES = 1L << 30;

  /** Measures it for a job's pattern, in half a second. */
  public static ToolCost of(Job job) throws IOException {
    Job.Pattern pattern = job.pattern();
    long size = Math.max(SIZE_BYTES, pattern.blocks().most());
    Job load =
        new Job(
            job.name(),
            job.target(),
            pattern,
            job.depth(),
            1,
            new Job.Span(WARM_UP, RUNTIME, true, 0),
            new Job.Pace(0, false, 0, 1, 0),
            0,
            Job.Verification.NONE,
            job.grouping());
    SplittableRandom random = new SplittableRandom(pattern.seed());
    Measurement measurement = new Measurement(false, TimeUnit.MILLISECONDS.toNanos(100), 2);
    Worker worker =
        new Worker(
            load,
            job.depth(),
            new Positions(pattern, size, 0, 1, random),
            Long.MAX_VALUE,
            random,
            measurement,
            0,
            listener -> new NullIo(job.depth(), pattern.blocks().most(), listener));
    long fromNs = System.nanoTime() + WARM_UP.toNanos();
    worker.run(fromNs, fromNs + RUNTIME.toNanos());
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
