package io.nvmedirect.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Makes results of what the workers measured: one a group, or one a worker. */
final class Results {

  private final List<Result> results = new ArrayList<>();
  private int group = -1;
  private @Nullable Job lastJob;

  /** Adds a job, in the order of the jobs. */
  void add(Crew crew, Run.BatchUsage usage) {
    Job job = crew.job();
    Job.Grouping grouping = job.grouping();
    boolean sameGroup =
        lastJob != null
            && lastJob.grouping().together()
            && grouping.together()
            && !grouping.newGroup()
            && !grouping.stonewall();
    if (!sameGroup) {
      group++;
    }
    lastJob = job;
    List<Result> ofWorkers =
        crew.workers().stream().map(worker -> result(job, worker, usage)).toList();
    // A blocking engine's workers are the I/Os in flight of one.
    if (grouping.together() || (!job.target().engine().asynchronous && job.workers() == 1)) {
      Result all = merged(ofWorkers);
      results.add(sameGroup ? merged(List.of(results.removeLast(), all)) : all);
    } else {
      results.addAll(ofWorkers);
    }
  }

  List<Result> list() {
    return results;
  }

  private Result result(Job job, Worker worker, Run.BatchUsage batch) {
    Measurement measured = worker.measurement();
    long operations =
        measured.reads.fromPostNs.getTotalCount() + measured.writes.fromPostNs.getTotalCount();
    double share = batch.operations() == 0 ? 0 : (double) operations / batch.operations();
    return new Result(
        job,
        group,
        1,
        (measured.endNs() - measured.beginNs()) / 1e9,
        side(measured.reads),
        side(measured.writes),
        measured.syncsNs,
        measured.depths,
        new Result.Usage(
            Math.round(batch.cpuNs() * share),
            measured.userNs(),
            measured.systemNs(),
            measured.allocatedBytes(),
            batch.collections(),
            batch.collectionMs(),
            measured.counters().switches(),
            measured.counters().majorFaults(),
            measured.counters().minorFaults()),
        new Result.Series(
            TimeUnit.NANOSECONDS.toMillis(measured.intervalNs()),
            series(measured.reads.series, measured.intervals()),
            series(measured.writes.series, measured.intervals())));
  }

  private static Result.Side side(Measurement.Direction direction) {
    return new Result.Side(direction.bytes, direction.fromPostNs, direction.fromDueNs);
  }

  private static List<Long> series(long[] counts, int intervals) {
    List<Long> list = new ArrayList<>();
    for (int i = 0; i < intervals; i++) {
      list.add(counts[i]);
    }
    return list;
  }

  // ---- Several together.

  private static Result merged(List<Result> parts) {
    Result first = parts.getFirst();
    Result sum = first;
    for (Result part : parts.subList(1, parts.size())) {
      sum =
          new Result(
              first.job(),
              first.group(),
              sum.workers() + part.workers(),
              Math.max(sum.seconds(), part.seconds()),
              merged(sum.reads(), part.reads()),
              merged(sum.writes(), part.writes()),
              merged(sum.syncsNs(), part.syncsNs()),
              sum.depths().plus(part.depths()),
              merged(sum.usage(), part.usage()),
              merged(sum.series(), part.series()));
    }
    return sum;
  }

  private static Result.Side merged(Result.Side a, Result.Side b) {
    Histogram fromPost = merged(a.fromPostNs(), b.fromPostNs());
    boolean paced = isPaced(a) || isPaced(b);
    return new Result.Side(
        a.bytes() + b.bytes(), fromPost, paced ? merged(a.fromDueNs(), b.fromDueNs()) : fromPost);
  }

  @SuppressWarnings("ReferenceEquality") // without a rate it is the same one
  private static boolean isPaced(Result.Side side) {
    return side.fromDueNs() != side.fromPostNs();
  }

  private static Histogram merged(Histogram a, Histogram b) {
    Histogram sum = a.copy();
    sum.add(b);
    return sum;
  }

  /** Collections are the process's, and so the same in both. */
  private static Result.Usage merged(Result.Usage a, Result.Usage b) {
    return new Result.Usage(
        a.processCpuNs() + b.processCpuNs(),
        a.userNs() + b.userNs(),
        a.systemNs() + b.systemNs(),
        a.allocatedBytes() + b.allocatedBytes(),
        Math.max(a.collections(), b.collections()),
        Math.max(a.collectionMs(), b.collectionMs()),
        a.switches() + b.switches(),
        a.majorFaults() + b.majorFaults(),
        a.minorFaults() + b.minorFaults());
  }

  private static Result.Series merged(Result.Series a, Result.Series b) {
    return new Result.Series(
        a.intervalMs(), merged(a.reads(), b.reads()), merged(a.writes(), b.writes()));
  }

  private static List<Long> merged(List<Long> a, List<Long> b) {
    List<Long> sum = new ArrayList<>();
    for (int i = 0; i < Math.max(a.size(), b.size()); i++) {
      sum.add((i < a.size() ? a.get(i) : 0) + (i < b.size() ? b.get(i) : 0));
    }
    return sum;
  }
}
