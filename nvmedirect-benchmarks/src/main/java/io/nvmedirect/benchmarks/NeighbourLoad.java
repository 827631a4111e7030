package io.nvmedirect.benchmarks;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * What is left of the throughput beside busy processes: random reads of 4 KiB on one queue by as many
 * threads as the depth, each with one read at a time; alone, and beside one and two processes that spin.
 * Prints a table of IOPS.
 *
 * <p>{@code java -cp benchmarks.jar io.nvmedirect.benchmarks.NeighbourLoad [--smoke] [ADDRESS...]}
 */
public final class NeighbourLoad {

  private static final int BLOCK = 4096;
  private static final int[] DEPTHS = {1, 8, 32, 128};
  private static final int[] NEIGHBOURS = {0, 1, 2};

  private final PrintStream out;
  private final boolean smoke;
  private final long measureNs;

  private NeighbourLoad(PrintStream out, boolean smoke) {
    this.out = out;
    this.smoke = smoke;
    this.measureNs = TimeUnit.MILLISECONDS.toNanos(smoke ? 5 : 600);
  }

  public static void main(String[] args)
      throws IOException, InterruptedException, ExecutionException {
    run(System.out, args);
  }

  /** Runs the load, and prints to {@code out}. */
  static void run(PrintStream out, String... args)
      throws IOException, InterruptedException, ExecutionException {
    LoadArguments arguments = LoadArguments.parse(args, "mem:256MiB?model=flash", "mem:256MiB");
    NeighbourLoad load = new NeighbourLoad(out, arguments.smoke());
    out.println(
        "| address | policy | depth | alone, IOPS | beside 1 busy process | ratio | beside 2 | ratio |");
    out.println("|---|---|---|---|---|---|---|---|");
    for (String address : arguments.addresses()) {
      double[][][] iops = new double[NEIGHBOURS.length][][];
      for (int n = 0; n < NEIGHBOURS.length; n++) {
        try (Neighbour _ = new Neighbour(NEIGHBOURS[n])) {
          iops[n] = load.measure(address);
        }
      }
      load.print(address, iops);
    }
  }

  private int[] depths() {
    return smoke ? new int[] {1, 4} : DEPTHS;
  }

  private double[][] measure(String address)
      throws IOException, InterruptedException, ExecutionException {
    Policy[] policies = Policy.values();
    int[] depths = depths();
    double[][] iops = new double[policies.length][depths.length];
    for (int p = 0; p < policies.length; p++) {
      try (NvmeDevice device = NvmeDevice.open(address);
          NvmeQueue queue = policies[p].queue(device);
          NvmeHandle handle = policies[p].handle(queue)) {
        for (int d = 0; d < depths.length; d++) {
          // The first part is for the compiler.
          readAll(handle, depths[d], measureNs / 2);
          iops[p][d] = readAll(handle, depths[d], measureNs);
        }
      }
    }
    return iops;
  }

  private static double readAll(NvmeHandle handle, int threads, long ns)
      throws IOException, InterruptedException, ExecutionException {
    List<Future<Long>> results = new ArrayList<>();
    long fromNs = System.nanoTime();
    try (DmaBuffer buffer = handle.device().allocate((long) threads * BLOCK);
        ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      for (int t = 0; t < threads; t++) {
        MemorySegment part = buffer.segment().asSlice((long) t * BLOCK, BLOCK);
        SplittableRandom random = new SplittableRandom(t);
        results.add(executor.submit(() -> read(handle, part, random, fromNs + ns)));
      }
      long reads = 0;
      for (Future<Long> result : results) {
        reads += result.get();
      }
      return reads * 1e9 / (System.nanoTime() - fromNs);
    }
  }

  private static long read(
      NvmeHandle handle, MemorySegment to, SplittableRandom random, long untilNs)
      throws IOException {
    long blocks = handle.device().sizeBytes() / BLOCK;
    long reads = 0;
    do {
      handle.read(to, random.nextLong(blocks) * BLOCK);
      reads++;
    } while (System.nanoTime() - untilNs < 0);
    return reads;
  }

  private void print(String address, double[][][] iops) {
    Policy[] policies = Policy.values();
    for (int p = 0; p < policies.length; p++) {
      for (int d = 0; d < depths().length; d++) {
        double alone = iops[0][p][d];
        out.printf(
            "| `%s` | %s | %d | %,.0f | %,.0f | %.2f | %,.0f | %.2f |%n",
            address,
            policies[p],
            depths()[d],
            alone,
            iops[1][p][d],
            iops[1][p][d] / alone,
            iops[2][p][d],
            iops[2][p][d] / alone);
      }
    }
  }
}
