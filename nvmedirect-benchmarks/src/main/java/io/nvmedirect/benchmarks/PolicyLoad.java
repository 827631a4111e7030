package io.nvmedirect.benchmarks;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.io.PrintStream;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * The completion policies compared: random reads of 4 KiB, one thread, one at a time, and what an open
 * handle costs that does nothing. Prints a table.
 *
 * <p>{@code java -cp benchmarks.jar io.nvmedirect.benchmarks.PolicyLoad [--smoke] [ADDRESS...]}
 */
public final class PolicyLoad {

  private static final int BLOCK = 4096;
  private static final long LONGEST_NS = TimeUnit.SECONDS.toNanos(10);

  private final PrintStream out;
  private final long warmUpNs;
  private final long measureNs;
  private final long idleMs;

  private PolicyLoad(PrintStream out, boolean smoke) {
    this.out = out;
    this.warmUpNs = TimeUnit.MILLISECONDS.toNanos(smoke ? 5 : 1000);
    this.measureNs = TimeUnit.MILLISECONDS.toNanos(smoke ? 10 : 1500);
    this.idleMs = smoke ? 10 : 3000;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    run(System.out, args);
  }

  /** Runs the load, and prints to {@code out}. */
  static void run(PrintStream out, String... args) throws IOException, InterruptedException {
    LoadArguments arguments =
        LoadArguments.parse(
            args, "mem:256MiB?model=flash&mode=thread", "mem:256MiB?model=ram&mode=thread");
    PolicyLoad load = new PolicyLoad(out, arguments.smoke());
    out.println(
        "| address | policy | IOPS | p50 µs | p99 µs | CPU µs per I/O: thread | process | idle,"
            + " percent of a core |");
    out.println("|---|---|---|---|---|---|---|---|");
    for (String address : arguments.addresses()) {
      for (Policy policy : Policy.values()) {
        load.measure(address, policy);
      }
    }
  }

  private void measure(String address, Policy policy) throws IOException, InterruptedException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = policy.queue(device);
        NvmeHandle handle = policy.handle(queue);
        DmaBuffer buffer = device.allocate(BLOCK)) {
      SplittableRandom random = new SplittableRandom(1);
      Histogram latencies = new Histogram(LONGEST_NS, 3);
      read(handle, buffer, random, latencies, warmUpNs);
      latencies.reset();
      long threadNs = CpuTime.ofThreadNs();
      long processNs = CpuTime.ofProcessNs();
      long tookNs = read(handle, buffer, random, latencies, measureNs);
      threadNs = CpuTime.ofThreadNs() - threadNs;
      processNs = CpuTime.ofProcessNs() - processNs;
      double count = latencies.getTotalCount();
      out.printf(
          "| `%s` | %s | %,.0f | %.1f | %.1f | %.1f | %.1f | %.2f |%n",
          address,
          policy,
          count * 1e9 / tookNs,
          latencies.getValueAtPercentile(50) / 1e3,
          latencies.getValueAtPercentile(99) / 1e3,
          threadNs / count / 1e3,
          processNs / count / 1e3,
          idlePercent());
    }
  }

  private static long read(
      NvmeHandle handle, DmaBuffer buffer, SplittableRandom random, Histogram latencies, long ns)
      throws IOException {
    long blocks = handle.device().sizeBytes() / BLOCK;
    long fromNs = System.nanoTime();
    long beforeNs = fromNs;
    while (beforeNs - fromNs < ns) {
      handle.read(buffer.segment(), random.nextLong(blocks) * BLOCK);
      long nowNs = System.nanoTime();
      latencies.recordValue(Math.min(nowNs - beforeNs, LONGEST_NS));
      beforeNs = nowNs;
    }
    return beforeNs - fromNs;
  }

  private double idlePercent() throws InterruptedException {
    // The compiler may have something left to do.
    Thread.sleep(idleMs / 4);
    long fromNs = System.nanoTime();
    long cpuNs = CpuTime.ofProcessNs();
    Thread.sleep(idleMs);
    return 100.0 * (CpuTime.ofProcessNs() - cpuNs) / (System.nanoTime() - fromNs);
  }
}
