package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/**
 * The paper's comparison, on one device in one run: random I/O of 4 KiB by our direct path over VFIO, by
 * {@code FileChannel} with O_DIRECT on the kernel's block device, and by fio with io_uring where the guest
 * has it. The figures are reported, not judged: the CPU is emulated.
 */
@Timeout(600)
final class KernelComparisonGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.SHARED_B;
  private static final int BLOCK_BYTES = 4096;
  private static final int[] DEPTHS = {1, 32};
  private static final int ROUNDS = 3;
  private static final long RUN_NS = TimeUnit.MILLISECONDS.toNanos(1000);
  private static final long LONGEST_NS = TimeUnit.SECONDS.toNanos(60);

  /** What one run gave. */
  private record Result(double iops, double medianUs) {}

  private final long blocks = DEVICE.namespaces().getFirst().sizeBytes() / BLOCK_BYTES;

  /** By contender, operation and depth. */
  private final Map<String, List<Result>> results = new TreeMap<>();

  @AfterEach
  void giveBack() throws IOException {
    PciDriver.bind(DEVICE, DEVICE.driver());
  }

  @Test
  void randomIo_directAgainstKernel(TestReporter reporter) throws Exception {
    Path fio = Commands.find("fio");
    for (int round = 0; round < ROUNDS; round++) {
      PciDriver.bind(DEVICE, GuestDevice.Driver.VFIO);
      direct();
      PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
      Path disk = PciDriver.disk(DEVICE, 1);
      for (int depth : DEPTHS) {
        for (boolean write : new boolean[] {false, true}) {
          add("FileChannel DIRECT", write, depth, channel(disk, write, depth));
          if (fio != null) {
            add("fio io_uring", write, depth, fio(fio, disk, write, depth));
          }
        }
      }
    }
    results.forEach((what, runs) -> reporter.publishEntry(what, median(runs)));
    assertThat(results)
        .hasSizeGreaterThanOrEqualTo(8)
        .allSatisfy((what, runs) ->
            assertThat(runs).hasSize(ROUNDS).allSatisfy(run -> assertThat(run.iops).isPositive()));
  }

  private void add(String contender, boolean write, int depth, Result result) {
    String what = "%s, depth %2d, %s".formatted(write ? "write" : "read ", depth, contender);
    results.computeIfAbsent(what, key -> new ArrayList<>()).add(result);
  }

  private static String median(List<Result> runs) {
    List<Double> iops = new ArrayList<>(runs.stream().map(Result::iops).toList());
    List<Double> us = new ArrayList<>(runs.stream().map(Result::medianUs).toList());
    Collections.sort(iops);
    Collections.sort(us);
    return "%,.0f IOPS, p50 %,.0f us (of %d runs: %,.0f to %,.0f IOPS)"
        .formatted(
            iops.get(iops.size() / 2),
            us.get(us.size() / 2),
            runs.size(),
            iops.getFirst(),
            iops.getLast());
  }

  // ---- Ours.

  private void direct() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(DEVICE.address());
        NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle()) {
      for (int depth : DEPTHS) {
        for (boolean write : new boolean[] {false, true}) {
          add("NVMeDirect over VFIO", write, depth, direct(device, handle, write, depth));
        }
      }
    }
  }

  private Result direct(NvmeDevice device, NvmeHandle handle, boolean write, int depth)
      throws IOException {
    Histogram latencies = new Histogram(LONGEST_NS, 3);
    Random random = new Random(depth);
    AsyncIo[] operations = new AsyncIo[depth];
    DmaBuffer[] buffers = new DmaBuffer[depth];
    long[] begun = new long[depth];
    for (int i = 0; i < depth; i++) {
      operations[i] = new AsyncIo();
      buffers[i] = device.allocate(BLOCK_BYTES);
    }
    long done = 0;
    long start = System.nanoTime();
    long now = start;
    boolean ending = false;
    int inFlight = 0;
    do {
      for (int i = 0; i < depth; i++) {
        AsyncIo operation = operations[i];
        if (begun[i] != 0 && !operation.isInFlight()) {
          operation.throwIfFailed();
          latencies.recordValue(Math.min(LONGEST_NS, now - begun[i]));
          begun[i] = 0;
          done++;
          inFlight--;
        }
        if (begun[i] == 0 && !ending) {
          long position = random.nextLong(blocks) * BLOCK_BYTES;
          begun[i] = System.nanoTime();
          inFlight++;
          boolean posted =
              write
                  ? handle.write(operation, buffers[i], 0, BLOCK_BYTES, position)
                  : handle.read(operation, buffers[i], 0, BLOCK_BYTES, position);
          assertThat(posted).isTrue();
        }
      }
      handle.ring();
      handle.poll();
      now = System.nanoTime();
      ending = now - start > RUN_NS;
    } while (inFlight > 0);
    for (DmaBuffer buffer : buffers) {
      buffer.close();
    }
    return result(done, now - start, latencies);
  }

  private static Result result(long done, long elapsedNs, Histogram latencies) {
    return new Result(done * 1e9 / elapsedNs, latencies.getValueAtPercentile(50) / 1e3);
  }

  // ---- The JDK's.

  /** A thread for each I/O in flight: a FileChannel has no other way. */
  private Result channel(Path disk, boolean write, int depth) throws Exception {
    Histogram latencies = new Histogram(LONGEST_NS, 3);
    long done = 0;
    long start = System.nanoTime();
    try (FileChannel channel =
        FileChannel.open(disk, StandardOpenOption.READ, StandardOpenOption.WRITE, directOption())) {
      List<CompletableFuture<Histogram>> threads = new ArrayList<>();
      for (int i = 0; i < depth; i++) {
        int seed = i;
        CompletableFuture<Histogram> future = new CompletableFuture<>();
        threads.add(future);
        Thread.ofPlatform()
            .daemon()
            .start(() -> {
              try {
                future.complete(channelThread(channel, write, seed, start));
              } catch (IOException | RuntimeException e) {
                future.completeExceptionally(e);
              }
            });
      }
      for (CompletableFuture<Histogram> thread : threads) {
        Histogram part = get(thread);
        done += part.getTotalCount();
        latencies.add(part);
      }
    }
    return result(done, System.nanoTime() - start, latencies);
  }

  /** com.sun.nio.file.ExtendedOpenOption.DIRECT, which javac warns of. */
  private static OpenOption directOption() throws ClassNotFoundException {
    for (Object option : Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants()) {
      if (option.toString().equals("DIRECT")) {
        return (OpenOption) option;
      }
    }
    throw new ClassNotFoundException("the JDK has no ExtendedOpenOption.DIRECT");
  }

  private static Histogram get(CompletableFuture<Histogram> future) throws Exception {
    try {
      return future.get(120, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    }
  }

  private Histogram channelThread(FileChannel channel, boolean write, int seed, long start)
      throws IOException {
    Histogram latencies = new Histogram(LONGEST_NS, 3);
    Random random = new Random(seed);
    ByteBuffer buffer = ByteBuffer.allocateDirect(2 * BLOCK_BYTES).alignedSlice(BLOCK_BYTES);
    long now = System.nanoTime();
    do {
      long begun = now;
      long position = random.nextLong(blocks) * BLOCK_BYTES;
      buffer.clear().limit(BLOCK_BYTES);
      int n = write ? channel.write(buffer, position) : channel.read(buffer, position);
      assertThat(n).isEqualTo(BLOCK_BYTES);
      now = System.nanoTime();
      latencies.recordValue(Math.min(LONGEST_NS, now - begun));
    } while (now - start < RUN_NS);
    return latencies;
  }

  // ---- fio.

  private static Result fio(Path fio, Path disk, boolean write, int depth) throws Exception {
    String output =
        Commands.run(
            fio.toString(),
            "--name=job",
            "--filename=" + disk,
            "--direct=1",
            "--ioengine=io_uring",
            "--thread",
            "--bs=4k",
            "--rw=" + (write ? "randwrite" : "randread"),
            "--iodepth=" + depth,
            "--time_based",
            "--runtime=" + TimeUnit.NANOSECONDS.toMillis(RUN_NS) + "ms",
            "--output-format=json");
    JsonNode job =
        new ObjectMapper()
            .readTree(output.substring(output.indexOf('{')))
            .path("jobs")
            .path(0)
            .path(write ? "write" : "read");
    return new Result(
        job.path("iops").asDouble(),
        job.path("clat_ns").path("percentile").path("50.000000").asDouble() / 1e3);
  }
}
