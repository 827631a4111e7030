package io.nvmedirect.benchmarks;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Virtual threads that block in reads of 4 KiB, all at once, over two queues, compared with callbacks
 * that keep 128 reads in flight on each of the same two queues. The device writes to as much memory for
 * the one as for the other, and a callback's read goes to the next part of it each time. Prints a table
 * with the medians of several rounds of both in turn.
 *
 * <p>{@code java -XX:+UseParallelGC -Xmx1g -cp benchmarks.jar io.nvmedirect.benchmarks.VirtualThreadsLoad [--smoke]
 * [ADDRESS...]}
 */
public final class VirtualThreadsLoad {

  private static final int BLOCK = 4096;
  private static final int DEPTH = 128;

  private final int threads;
  private final int readsPerThread;
  private final int warmups;
  private final int rounds;

  private VirtualThreadsLoad(boolean smoke) {
    this.threads = smoke ? 1000 : 100_000;
    this.readsPerThread = smoke ? 1 : 5;
    this.warmups = smoke ? 1 : 8;
    this.rounds = smoke ? 1 : 5;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    run(System.out, args);
  }

  /** Runs the load, and prints to {@code out}. */
  static void run(PrintStream out, String... args) throws IOException, InterruptedException {
    LoadArguments arguments =
        LoadArguments.parse(
            args,
            "mem:256MiB",
            "mem:256MiB?mode=thread",
            "mem:256MiB?model=null&mode=thread",
            "mem:256MiB?model=flash");
    VirtualThreadsLoad load = new VirtualThreadsLoad(arguments.smoke());
    out.printf("%,d virtual threads, %d reads each%n%n", load.threads, load.readsPerThread);
    out.println("| address | callbacks, IOPS | virtual threads, IOPS | ratio | peak heap MiB |");
    out.println("|---|---|---|---|---|");
    for (String address : arguments.addresses()) {
      load.compare(out, address);
    }
  }

  private void compare(PrintStream out, String address) throws IOException, InterruptedException {
    double[] callbacks = new double[rounds];
    double[] blocking = new double[rounds];
    double[] ratios = new double[rounds];
    try (NvmeDevice device = NvmeDevice.open(address);
        DmaBuffer buffer = device.allocate((long) threads * BLOCK);
        NvmeQueue first = device.createQueue();
        NvmeQueue second = device.createQueue();
        NvmeHandle firstHandle = first.createHandle();
        NvmeHandle secondHandle = second.createHandle()) {
      NvmeHandle[] handles = {firstHandle, secondHandle};
      // For the compiler, which has one of the two cores, and for the memory's pages.
      for (int round = 0; round < warmups; round++) {
        byCallbacks(handles, buffer);
        byVirtualThreads(handles, buffer);
      }
      resetPeaks();
      for (int round = 0; round < rounds; round++) {
        callbacks[round] = byCallbacks(handles, buffer);
        blocking[round] = byVirtualThreads(handles, buffer);
        ratios[round] = blocking[round] / callbacks[round];
      }
    }
    out.printf(
        "| `%s` | %,.0f | %,.0f | %.2f | %,d |%n",
        address, median(callbacks), median(blocking), median(ratios), peakHeapBytes() >> 20);
  }

  private static double median(double[] values) {
    return Arrays.stream(values).sorted().toArray()[values.length / 2];
  }

  /** A read that is posted again when it is done, while there are reads left. */
  private static final class Chain implements AsyncIo.Callback {
    private final NvmeHandle handle;
    private final DmaBuffer buffer;
    private final AtomicInteger left;
    private final CountDownLatch ended;
    private final AsyncIo io = new AsyncIo(this);
    private final AtomicInteger nextPart;
    private int position;

    Chain(
        NvmeHandle handle,
        DmaBuffer buffer,
        AtomicInteger left,
        AtomicInteger nextPart,
        CountDownLatch ended,
        int index) {
      this.handle = handle;
      this.buffer = buffer;
      this.left = left;
      this.nextPart = nextPart;
      this.ended = ended;
      this.position = index;
    }

    void next() {
      if (left.getAndDecrement() <= 0) {
        ended.countDown();
        return;
      }
      try {
        int part =
            (nextPart.getAndIncrement() & Integer.MAX_VALUE) % (int) (buffer.byteSize() / BLOCK);
        position = position * 31 + 17;
        handle.read(io, buffer, (long) part * BLOCK, BLOCK, position(handle.device(), position));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void completed(AsyncIo done) {
      if (done.status() != 0) {
        throw new IllegalStateException("status " + done.status());
      }
      next();
      handle.ring();
    }
  }

  private static long position(NvmeDevice device, int seed) {
    long blocks = device.sizeBytes() / BLOCK;
    return ((seed * 0x9E37_79B9_7F4A_7C15L) >>> 1) % blocks * BLOCK;
  }

  private double byCallbacks(NvmeHandle[] handles, DmaBuffer buffer) throws InterruptedException {
    int reads = threads * readsPerThread;
    AtomicInteger left = new AtomicInteger(reads);
    AtomicInteger nextPart = new AtomicInteger();
    CountDownLatch ended = new CountDownLatch(DEPTH * handles.length);
    long fromNs = System.nanoTime();
    for (int h = 0; h < handles.length; h++) {
      for (int i = 0; i < DEPTH; i++) {
        new Chain(handles[h], buffer, left, nextPart, ended, h * DEPTH + i).next();
      }
      handles[h].ring();
    }
    ended.await();
    return reads * 1e9 / (System.nanoTime() - fromNs);
  }

  private double byVirtualThreads(NvmeHandle[] handles, DmaBuffer buffer)
      throws InterruptedException {
    Thread[] all = new Thread[threads];
    CountDownLatch ended = new CountDownLatch(threads);
    AtomicInteger failed = new AtomicInteger();
    for (int i = 0; i < threads; i++) {
      NvmeHandle handle = handles[i % handles.length];
      MemorySegment part = buffer.segment().asSlice((long) i * BLOCK, BLOCK);
      int seed = i;
      all[i] =
          Thread.ofVirtual()
              .unstarted(() -> {
                try {
                  for (int n = 0; n < readsPerThread; n++) {
                    handle.read(part, position(handle.device(), seed * 31 + n));
                  }
                } catch (IOException | RuntimeException e) {
                  failed.incrementAndGet();
                } finally {
                  ended.countDown();
                }
              });
    }
    long fromNs = System.nanoTime();
    for (Thread thread : all) {
      thread.start();
    }
    ended.await();
    long tookNs = System.nanoTime() - fromNs;
    if (failed.get() > 0) {
      throw new IllegalStateException("reads have failed: " + failed);
    }
    return threads * (double) readsPerThread * 1e9 / tookNs;
  }

  private static void resetPeaks() {
    ManagementFactory.getMemoryPoolMXBeans().forEach(MemoryPoolMXBean::resetPeakUsage);
  }

  private static long peakHeapBytes() {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getType() == MemoryType.HEAP)
        .mapToLong(pool -> pool.getPeakUsage().getUsed())
        .sum();
  }
}
