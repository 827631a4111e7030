package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Runs jobs: those between two stonewalls at the same time, each with its workers. */
public final class Run {

  /** Hears how it goes, about twenty times a second. */
  @FunctionalInterface
  public interface Observer {

    /**
     * What is known now.
     *
     * @param jobs their names
     * @param elapsedNs since the start, with the ramp
     * @param totalNs when it ends at the latest; 0 if only bytes are limited
     * @param operations measured so far
     * @param measuredNs time of the measurement so far; 0 in the ramp
     */
    void tick(String jobs, long elapsedNs, long totalNs, long operations, long measuredNs);
  }

  private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final int MOST_NAMES = 3;

  private final Devices devices;
  private final BooleanSupplier stopRequested;
  private final Observer observer;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final long number = System.nanoTime() ^ ProcessHandle.current().pid() << 40;
  private Totals totals = new Totals(0, 0, 0, 0, List.of());

  /**
   * Of all jobs.
   *
   * @param checkedBlocks found right
   * @param collections of garbage, while any of them measured
   * @param collectionMs all of their pauses together
   * @param elapsedMs from the first one's start to the last one's end
   * @param disks what happened to the disks below their files meanwhile
   */
  public record Totals(
      long checkedBlocks,
      long collections,
      long collectionMs,
      long elapsedMs,
      List<DiskUse> disks) {}

  /**
   * Runs nothing yet.
   *
   * @param stopRequested whether the user wishes to end early
   */
  public Run(Devices devices, BooleanSupplier stopRequested, Observer observer) {
    this.devices = devices;
    this.stopRequested = stopRequested;
    this.observer = observer;
  }

  /**
   * Looks whether all jobs fit to what they work on, so that none fails after others have run.
   *
   * @throws IOException if one does not
   */
  public void require(List<Job> jobs) throws IOException {
    for (Job job : jobs) {
      Region.open(job, devices);
    }
  }

  /**
   * Runs all, or until the user wishes to end.
   *
   * @return what was measured of each job or group, in their order; without those that had not begun to measure
   * @throws IOException if an I/O fails or data is wrong
   */
  public List<Result> run(List<Job> jobs) throws IOException {
    Results results = new Results();
    long startNs = System.nanoTime();
    List<DiskUse> before = disks(jobs);
    List<Job> together = new ArrayList<>();
    for (Job job : jobs) {
      if (job.grouping().stonewall() && !together.isEmpty()) {
        batch(together, results);
        together.clear();
      }
      together.add(job);
    }
    batch(together, results);
    totals =
        new Totals(
            totals.checkedBlocks,
            totals.collections,
            totals.collectionMs,
            TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs),
            DiskUse.difference(before, disks(jobs)));
    return results.list();
  }

  private static List<DiskUse> disks(List<Job> jobs) {
    return DiskUse.of(
        jobs.stream().map(job -> job.target().path()).filter(Objects::nonNull).map(Path::of));
  }

  /** What is known of all that have run. */
  public Totals totals() {
    return totals;
  }

  private void batch(List<Job> jobs, Results results) throws IOException {
    if (stopRequested.getAsBoolean()) {
      return;
    }
    List<Crew> crews = new ArrayList<>();
    try {
      for (Job job : jobs) {
        crews.add(new Crew(job, Region.open(job, devices), number));
      }
    } catch (IOException | RuntimeException e) {
      for (Crew crew : crews) {
        for (Worker worker : crew.workers()) {
          worker.discard();
        }
      }
      throw e;
    }
    long startNs = System.nanoTime();
    List<Thread> threads = new ArrayList<>();
    for (Crew crew : crews) {
      long fromNs =
          startNs
              + crew.job().grouping().startDelay().toNanos()
              + crew.job().span().ramp().toNanos();
      for (Worker worker : crew.workers()) {
        threads.add(start(worker, crew.job(), fromNs));
      }
    }
    BatchUsage usage = watch(crews, threads, startNs);
    rethrow();
    long checked = 0;
    for (Crew crew : crews) {
      for (Worker worker : crew.workers()) {
        checked += worker.checked();
      }
      if (crew.hasMeasured()) {
        results.add(crew, usage);
      }
    }
    totals =
        new Totals(
            totals.checkedBlocks + checked,
            totals.collections + usage.collections(),
            totals.collectionMs + usage.collectionMs(),
            totals.elapsedMs,
            totals.disks);
  }

  private Thread start(Worker worker, Job job, long fromNs) {
    return Thread.ofPlatform()
        .name("nvmed-bench-" + job.name())
        .start(() -> {
          try {
            pauseUntil(fromNs - job.span().ramp().toNanos());
            worker.run(fromNs, fromNs + Crew.runtimeNs(job));
          } catch (IOException | RuntimeException | Error e) {
            failure.compareAndSet(null, e);
          }
        });
  }

  private void pauseUntil(long thenNs) {
    for (long left = thenNs - System.nanoTime();
        left > 0 && !stopRequested.getAsBoolean() && failure.get() == null;
        left = thenNs - System.nanoTime()) {
      LockSupport.parkNanos(Math.min(left, TICK_NS));
    }
  }

  /** What the process used while workers measured. */
  record BatchUsage(long cpuNs, long collections, long collectionMs, long operations) {}

  private BatchUsage watch(List<Crew> crews, List<Thread> threads, long startNs)
      throws IOException {
    long rampNs = longest(crews, false);
    long totalNs = longest(crews, true);
    String names = names(crews);
    List<Worker> workers = crews.stream().flatMap(crew -> crew.workers().stream()).toList();
    Collections before = Collections.now();
    boolean measuring = rampNs == 0;
    while (threads.stream().anyMatch(Thread::isAlive)) {
      long elapsedNs = System.nanoTime() - startNs;
      if (!measuring && elapsedNs >= rampNs) {
        measuring = true;
        before = Collections.now();
      }
      if (stopRequested.getAsBoolean() || failure.get() != null) {
        workers.forEach(Worker::cancel);
      }
      observer.tick(
          names,
          elapsedNs,
          totalNs,
          workers.stream().mapToLong(Worker::measured).sum(),
          Math.max(0, elapsedNs - rampNs));
      joinOne(threads, measuring ? TICK_NS : Math.min(TICK_NS, Math.max(1, rampNs - elapsedNs)));
    }
    Collections after = Collections.now();
    return new BatchUsage(
        cpuNs(workers),
        after.count - before.count,
        after.ms - before.ms,
        workers.stream().mapToLong(Worker::measured).sum());
  }

  /** From when the first of them began to when the last one ended, by their own looks at the clock. */
  private static long cpuNs(List<Worker> workers) {
    long first = Long.MAX_VALUE;
    long last = 0;
    for (Worker worker : workers) {
      if (worker.measurement().processEndNs() > 0) {
        first = Math.min(first, worker.measurement().processBeginNs());
        last = Math.max(last, worker.measurement().processEndNs());
      }
    }
    return Math.max(0, last - first);
  }

  /** The longest ramp, or with it the longest time of all; 0 if that is not limited. */
  private static long longest(List<Crew> crews, boolean whole) {
    long longest = 0;
    for (Crew crew : crews) {
      Job job = crew.job();
      if (whole && job.span().runtime() == null) {
        return 0;
      }
      long ns = job.grouping().startDelay().toNanos() + job.span().ramp().toNanos();
      longest = Math.max(longest, whole ? ns + Crew.runtimeNs(job) : ns);
    }
    return longest;
  }

  private static String names(List<Crew> crews) {
    List<String> names = crews.stream().map(crew -> crew.job().name()).limit(MOST_NAMES).toList();
    return String.join(", ", names) + (crews.size() > MOST_NAMES ? " …" : "");
  }

  private static void joinOne(List<Thread> threads, long ns) throws IOException {
    try {
      for (Thread thread : threads) {
        if (thread.isAlive()) {
          thread.join(TimeUnit.NANOSECONDS.toMillis(ns), (int) (ns % 1_000_000));
          return;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  private void rethrow() throws IOException {
    switch (failure.get()) {
      case null -> {}
      case IOException e -> throw e;
      case RuntimeException e -> throw e;
      case Throwable e -> throw new IllegalStateException("a worker died", e);
    }
  }

  /** Garbage collections of the process so far. */
  private record Collections(long count, long ms) {
    static Collections now() {
      long count = 0;
      long ms = 0;
      for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
        count += Math.max(0, bean.getCollectionCount());
        ms += Math.max(0, bean.getCollectionTime());
      }
      return new Collections(count, ms);
    }
  }
}
