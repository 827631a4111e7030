package io.nvmedirect.cli;

import com.sun.management.OperatingSystemMXBean;
import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Runs one load: starts the workers, watches the clock and the CPU time, merges what they saw. */
final class Bench {

  private static final long TICK_NS = 50_000_000;

  private final OperatingSystemMXBean process =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private final NvmeDevice device;
  private final BenchLoad load;
  private final Stop stop;
  private final List<BenchWorker> workers = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  Bench(NvmeDevice device, BenchLoad load, Stop stop) {
    this.device = device;
    this.load = load;
    this.stop = stop;
  }

  /** Measures. */
  BenchResult run(Progress progress) throws IOException {
    prepare();
    long fromNs = System.nanoTime() + load.warmup().toNanos();
    long untilNs = fromNs + load.runtime().toNanos();
    start(new BenchWorker.Window(fromNs, untilNs));
    watch(progress, fromNs, fromNs);
    long cpuNs = process.getProcessCpuTime();
    watch(progress, fromNs, untilNs);
    cpuNs = process.getProcessCpuTime() - cpuNs;
    if (stop.requested() || failure.get() != null) {
      workers.forEach(BenchWorker::cancel);
    }
    join();
    stop.check();
    rethrow(failure.get());
    Histogram latenciesNs = workers.getFirst().latenciesNs();
    workers.stream().skip(1).forEach(worker -> latenciesNs.add(worker.latenciesNs()));
    return new BenchResult(load, load.runtime().toNanos() / 1e9, latenciesNs, cpuNs);
  }

  private void prepare() throws IOException {
    try {
      for (int i = 0; i < load.queues(); i++) {
        workers.add(new BenchWorker(device, load, i));
      }
    } catch (IOException | RuntimeException e) {
      for (BenchWorker worker : workers) {
        worker.discard();
      }
      throw e;
    }
  }

  private void start(BenchWorker.Window window) {
    for (BenchWorker worker : workers) {
      threads.add(
          Thread.ofPlatform()
              .name("nvmed-bench-", threads.size())
              .start(() -> {
                try {
                  worker.run(window);
                } catch (IOException | RuntimeException | Error e) {
                  failure.compareAndSet(null, e);
                }
              }));
    }
  }

  private void watch(Progress progress, long fromNs, long untilNs) {
    long nowNs = System.nanoTime();
    while (nowNs < untilNs && !stop.requested() && failure.get() == null) {
      LockSupport.parkNanos(Math.min(TICK_NS, untilNs - nowNs));
      nowNs = System.nanoTime();
      progress.note(nowNs - fromNs + load.warmup().toNanos(), note(nowNs - fromNs));
    }
  }

  private String note(long measuredNs) {
    if (measuredNs <= 0) {
      return "warm-up";
    }
    long operations = workers.stream().mapToLong(BenchWorker::measured).sum();
    return String.format(Locale.ROOT, "%,.0f IOPS", operations / (measuredNs / 1e9));
  }

  private void join() throws InterruptedIOException {
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  private static void rethrow(@Nullable Throwable failure) throws IOException {
    switch (failure) {
      case null -> {}
      case IOException e -> throw e;
      case RuntimeException e -> throw e;
      default -> throw new IllegalStateException("a worker died", failure);
    }
  }
}
