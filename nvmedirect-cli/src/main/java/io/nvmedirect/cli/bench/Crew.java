package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/** The workers of one job. */
final class Crew {

  private static final long SHORT_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long LONG_INTERVAL_NS = TimeUnit.SECONDS.toNanos(1);
  private static final long SHORT_RUN_NS = TimeUnit.MINUTES.toNanos(2);
  private static final int MOST_INTERVALS = 100_000;

  private final Job job;
  private final List<Worker> workers = new ArrayList<>();

  /** Opens everything; nothing stays open if that fails. */
  Crew(Job job, Region region, long run) throws IOException {
    this.job = job;
    boolean asynchronous = job.target().engine().asynchronous;
    int count = asynchronous ? job.workers() : job.workers() * job.depth();
    int depth = asynchronous ? job.depth() : 1;
    // A blocking engine's workers do together what one with several I/Os in flight does.
    int sharers = asynchronous ? 1 : job.depth();
    SplittableRandom seeds = new SplittableRandom(job.pattern().seed());
    try {
      for (int i = 0; i < count; i++) {
        SplittableRandom random = seeds.split();
        Job each = job.with(job.pace().shared(i % sharers, sharers));
        Positions positions = positions(region.sizeBytes(), i, count, sharers, random);
        workers.add(
            new Worker(
                each,
                depth,
                positions,
                limitBytes(region.sizeBytes(), i % sharers, sharers),
                random,
                measurement(),
                run,
                listener -> region.io(job, depth, listener)));
      }
    } catch (IOException | RuntimeException e) {
      for (Worker worker : workers) {
        worker.discard();
      }
      throw e;
    }
  }

  /**
   * In the whole region, from its beginning on, as fio has it, but for the workers that are together one with several
   * I/Os in flight. What is written to be checked is written by one worker only.
   */
  private Positions positions(
      long sizeBytes, int worker, int workers, int sharers, SplittableRandom random)
      throws IOException {
    Job.Pattern pattern = job.pattern();
    if (workers == 1 || !pattern.workload().writes || job.verification() == Job.Verification.NONE) {
      return new Positions(pattern, sizeBytes, worker % sharers, sharers, random);
    }
    int unitBytes = pattern.blocks().least();
    long partBytes = sizeBytes / unitBytes / workers * unitBytes;
    if (partBytes < pattern.blocks().most()) {
      throw new IOException(
          "%s: verify: %d workers write a part each: size=%d is too small for bs=%d"
              .formatted(job.name(), workers, sizeBytes, pattern.blocks().most()));
    }
    Job.Pattern part = pattern.at(pattern.offset() + worker * partBytes, partBytes);
    return new Positions(part, partBytes, 0, 1, random);
  }

  /** What ends a worker: its share of the blocks, if several are as one. */
  private long limitBytes(long sizeBytes, int share, int shares) {
    Job.Span span = job.span();
    if (span.timeBased()) {
      return Long.MAX_VALUE;
    }
    long bytes = span.bytes() > 0 ? span.bytes() : sizeBytes;
    if (shares == 1) {
      return bytes;
    }
    int blockBytes = job.pattern().blocks().most();
    long blocks = Math.ceilDiv(bytes, blockBytes);
    return (blocks / shares + (share < blocks % shares ? 1 : 0)) * blockBytes;
  }

  private Measurement measurement() {
    long runtimeNs = runtimeNs(job);
    long intervalNs = runtimeNs <= SHORT_RUN_NS ? SHORT_INTERVAL_NS : LONG_INTERVAL_NS;
    int expected = (int) Math.min(MOST_INTERVALS, Math.min(runtimeNs, SHORT_RUN_NS) / intervalNs);
    return new Measurement(job.pace().iops() > 0, intervalNs, expected);
  }

  /** The longest measurement, far away if only the bytes are limited. */
  static long runtimeNs(Job job) {
    return job.span().runtime() == null
        ? TimeUnit.DAYS.toNanos(365)
        : job.span().runtime().toNanos();
  }

  /** Not if the user ended the run before. */
  boolean hasMeasured() {
    return workers.stream().anyMatch(worker -> worker.measurement().processEndNs() > 0);
  }

  Job job() {
    return job;
  }

  List<Worker> workers() {
    return workers;
  }
}
