package io.nvmedirect.vmtest.guest;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.HandleOption;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * The path of an I/O and the completion policies on a real PCIe function with real interrupts: 4 KiB random
 * reads. A program of its own, whose JVM compiles nothing else. Prints a line for each figure: what it is, a
 * tab, and its value.
 */
public final class CompletionFigures {

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final int BLOCK_BYTES = 4096;
  private static final int DEPTH = 32;
  private static final int WARM_UPS = 3;
  private static final long LONGEST_NS = TimeUnit.SECONDS.toNanos(60);

  private final NvmeDevice device;
  private final long runNs;
  private final Random random = new Random(1);

  private CompletionFigures(NvmeDevice device, long runNs) {
    this.device = device;
    this.runNs = runNs;
  }

  /** Takes the address, and the time of each run in milliseconds; each has a warm-up as long. */
  public static void main(String[] arguments) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(arguments[0])) {
      long runNs = TimeUnit.MILLISECONDS.toNanos(Long.parseLong(arguments[1]));
      CompletionFigures figures = new CompletionFigures(device, runNs);
      figures.warmUp();
      figures.path();
      figures.policy("poll");
      figures.policy("hybrid", HandleOption.HYBRID);
      figures.policy("interrupt", HandleOption.INTERRUPT);
    }
  }

  /** By interrupts, which leave the one CPU to the compiler. */
  private void warmUp() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
        NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT);
        DmaBuffer buffer = device.allocate(BLOCK_BYTES)) {
      reads(handle, buffer.segment(), WARM_UPS * runNs, new Histogram(LONGEST_NS, 3));
    }
  }

  private long nextPosition() {
    return random.nextLong(device.sizeBytes() / BLOCK_BYTES) * BLOCK_BYTES;
  }

  // ---- Asynchronous, in batches.

  /** A batch is posted, shown by one doorbell and reaped: how much time of the thread's CPU it takes. */
  private void path() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate((long) DEPTH * BLOCK_BYTES)) {
      AsyncIo[] operations = new AsyncIo[DEPTH];
      for (int i = 0; i < DEPTH; i++) {
        operations[i] = new AsyncIo();
      }
      batches(queue, handle, buffer, operations, runNs);
      long begunNs = System.nanoTime();
      long[] spentNs = new long[1];
      long done = batches(queue, handle, buffer, operations, runNs, spentNs);
      long elapsedNs = System.nanoTime() - begunNs;
      print(
          "confined queue, batches of %d".formatted(DEPTH),
          "%,.0f IOPS, posting and ringing takes %.2f us per I/O"
              .formatted(done * 1e9 / elapsedNs, spentNs[0] / 1e3 / done));
    }
  }

  private void batches(
      NvmeQueue queue, NvmeHandle handle, DmaBuffer buffer, AsyncIo[] operations, long forNs)
      throws IOException {
    batches(queue, handle, buffer, operations, forNs, new long[1]);
  }

  private long batches(
      NvmeQueue queue,
      NvmeHandle handle,
      DmaBuffer buffer,
      AsyncIo[] operations,
      long forNs,
      long[] spentNs)
      throws IOException {
    long done = 0;
    long begunNs = System.nanoTime();
    for (long nowNs = begunNs; nowNs - begunNs < forNs; nowNs = System.nanoTime()) {
      for (int i = 0; i < operations.length; i++) {
        long offset = (long) i * BLOCK_BYTES;
        handle.read(operations[i], buffer, offset, BLOCK_BYTES, nextPosition());
      }
      queue.ring();
      spentNs[0] += System.nanoTime() - nowNs;
      for (AsyncIo operation : operations) {
        while (!operation.isDone()) {
          queue.poll();
        }
        operation.throwIfFailed();
        done++;
      }
    }
    return done;
  }

  // ---- Synchronous, one at a time.

  private void policy(String name, HandleOption... options) throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
        NvmeHandle handle = queue.createHandle(options);
        DmaBuffer buffer = device.allocate(BLOCK_BYTES)) {
      Histogram latencies = new Histogram(LONGEST_NS, 3);
      reads(handle, buffer.segment(), runNs, latencies);
      latencies.reset();
      long cpuNs = THREADS.getCurrentThreadCpuTime();
      reads(handle, buffer.segment(), runNs, latencies);
      cpuNs = THREADS.getCurrentThreadCpuTime() - cpuNs;
      long count = latencies.getTotalCount();
      print(
          "depth 1, " + name,
          "%,.0f IOPS, p50 %,.0f us, p99 %,.0f us, CPU of the waiting thread %,.0f us per I/O"
              .formatted(
                  count * 1e9 / runNs,
                  latencies.getValueAtPercentile(50) / 1e3,
                  latencies.getValueAtPercentile(99) / 1e3,
                  cpuNs / 1e3 / count));
    }
  }

  private void reads(NvmeHandle handle, MemorySegment to, long forNs, Histogram latencies)
      throws IOException {
    long begunNs = System.nanoTime();
    for (long nowNs = begunNs; nowNs - begunNs < forNs; ) {
      handle.read(to, nextPosition());
      long endNs = System.nanoTime();
      latencies.recordValue(Math.min(endNs - nowNs, LONGEST_NS));
      nowNs = endNs;
    }
  }

  private static void print(String what, String value) {
    System.out.println(what + "\t" + value);
  }
}
