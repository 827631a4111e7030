package io.nvmedirect.benchmarks;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.PriorityClass;
import io.nvmedirect.QueueOption;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * What handles that share a queue get of it, on an embedded flash device: throughput by weight, and the
 * latency of one handle beside another that saturates the device. One thread drives all handles of a
 * confined queue, the controller has another, so that two cores are enough.
 *
 * <p>Arguments: an address, {@code mem:256MiB?model=flash&mode=thread} unless given; {@code --smoke} makes
 * each run a fraction of a second, which shows that the program works and nothing else.
 */
public final class SchedulingLoad {

  private static final String ADDRESS = "mem:256MiB?model=flash&mode=thread";
  private static final int BLOCK = 4096;
  private static final int LARGE = 128 * 1024;

  /** Queue depth; no load has more outstanding. */
  private static final int DEPTH = 255;

  private static final int SHARE_DEPTH = 64;
  private static final int NEIGHBOUR_DEPTH = 128;

  private final NvmeDevice device;
  private final PrintStream out;
  private final long warmUpNs;
  private final long runNs;

  private SchedulingLoad(NvmeDevice device, PrintStream out, boolean smoke) {
    this.device = device;
    this.out = out;
    this.warmUpNs = smoke ? 20_000_000L : 1_500_000_000L;
    this.runNs = smoke ? 50_000_000L : 2_500_000_000L;
  }

  /** See the class. */
  public static void main(String[] arguments) throws IOException {
    run(List.of(arguments), System.out);
  }

  static void run(List<String> arguments, PrintStream out) throws IOException {
    boolean smoke = arguments.contains("--smoke");
    List<String> addresses = arguments.stream().filter(a -> !a.equals("--smoke")).toList();
    if (addresses.size() > 1 || addresses.stream().anyMatch(a -> a.startsWith("-"))) {
      throw new IllegalArgumentException("usage: SchedulingLoad [ADDRESS] [--smoke]: " + arguments);
    }
    String address = addresses.isEmpty() ? ADDRESS : addresses.getFirst();
    try (NvmeDevice device = NvmeDevice.open(address)) {
      SchedulingLoad load = new SchedulingLoad(device, out, smoke);
      out.println(address);
      load.weights();
      load.latencies();
    }
  }

  private void weights() throws IOException {
    out.printf("%nTwo handles, each with %d random reads of 4 KiB outstanding%n", SHARE_DEPTH);
    out.println("| weights | first, IOPS | second, IOPS | ratio | off by | sum, IOPS | to none |");
    out.println("|---|---|---|---|---|---|---|");
    double none = weights(0, 0, 0);
    // Not 100, the default: equal handles have no scheduler.
    weights(1, 50, none);
    weights(3, 50, none);
    weights(10, 50, none);
  }

  /** {@code share} times as much for the first handle; 0: they have no weights. */
  private double weights(int share, int weight, double none) throws IOException {
    try (NvmeQueue queue = device.createQueue(DEPTH, QueueOption.CONFINED);
        NvmeHandle a = queue.createHandle();
        NvmeHandle b = queue.createHandle();
        Stream fromA = new Stream(a, SHARE_DEPTH, BLOCK, false, 1);
        Stream fromB = new Stream(b, SHARE_DEPTH, BLOCK, false, 2)) {
      if (share > 0) {
        a.schedule(PriorityClass.NORMAL, share * weight);
        b.schedule(PriorityClass.NORMAL, weight);
      }
      double seconds = drive(queue, fromA, fromB);
      double iopsA = fromA.done() / seconds;
      double iopsB = fromB.done() / seconds;
      double ratio = iopsA / iopsB;
      double sum = iopsA + iopsB;
      out.printf(
          "| %s | %,.0f | %,.0f | %.2f | %+.1f %% | %,.0f | %s |%n",
          share == 0 ? "none" : share + ":1",
          iopsA,
          iopsB,
          ratio,
          (ratio / Math.max(1, share) - 1) * 100,
          sum,
          none == 0 ? "" : "%+.1f %%".formatted((sum / none - 1) * 100));
      return sum;
    }
  }

  private void latencies() throws IOException {
    out.printf(
        "%nOne handle that reads 4 KiB at depth 1, beside one at depth %d%n", NEIGHBOUR_DEPTH);
    out.println(
        "| neighbour | classes | p50 µs | p99 µs | to alone | p99.9 µs | neighbour, MB/s |");
    out.println("|---|---|---|---|---|---|---|");
    double alone = latency("none", 0, false, false, 0);
    for (boolean classes : new boolean[] {false, true}) {
      latency("reads of 4 KiB", BLOCK, false, classes, alone);
    }
    for (boolean classes : new boolean[] {false, true}) {
      latency("reads of 128 KiB", LARGE, false, classes, alone);
    }
    for (boolean classes : new boolean[] {false, true}) {
      latency("writes of 4 KiB", BLOCK, true, classes, alone);
    }
    for (boolean classes : new boolean[] {false, true}) {
      latency("writes of 128 KiB", LARGE, true, classes, alone);
    }
  }

  private double latency(String what, int lengthBytes, boolean write, boolean classes, double alone)
      throws IOException {
    try (NvmeQueue queue = device.createQueue(DEPTH, QueueOption.CONFINED);
        NvmeHandle urgent = queue.createHandle();
        NvmeHandle neighbour = queue.createHandle();
        Stream reads = new Stream(urgent, 1, BLOCK, false, 3);
        Stream load =
            new Stream(
                neighbour,
                lengthBytes == 0 ? 0 : NEIGHBOUR_DEPTH,
                Math.max(BLOCK, lengthBytes),
                write,
                4)) {
      if (classes) {
        urgent.schedule(PriorityClass.LATENCY, 100);
        neighbour.schedule(PriorityClass.BATCH, 100);
      }
      double seconds = drive(queue, reads, load);
      Histogram latency = reads.latency();
      double p99 = latency.getValueAtPercentile(99) / 1e3;
      out.printf(
          "| %s | %s | %.1f | %.1f | %s | %.1f | %,.0f |%n",
          what,
          classes ? "latency, batch" : "none",
          latency.getValueAtPercentile(50) / 1e3,
          p99,
          alone == 0 ? "" : "%.2f".formatted(p99 / alone),
          latency.getValueAtPercentile(99.9) / 1e3,
          load.done() * (double) lengthBytes / seconds / 1e6);
      return p99;
    }
  }

  /** Runs two streams, and returns the seconds that count. */
  private double drive(NvmeQueue queue, Stream first, Stream second) throws IOException {
    first.start();
    second.start();
    pollFor(queue, warmUpNs);
    first.count();
    second.count();
    double seconds = pollFor(queue, runNs) / 1e9;
    first.stop();
    second.stop();
    while (first.isRunning() || second.isRunning()) {
      queue.poll();
    }
    return seconds;
  }

  private static long pollFor(NvmeQueue queue, long durationNs) {
    long begin = System.nanoTime();
    long now = begin;
    while (now - begin < durationNs) {
      queue.poll();
      now = System.nanoTime();
    }
    return now - begin;
  }
}
