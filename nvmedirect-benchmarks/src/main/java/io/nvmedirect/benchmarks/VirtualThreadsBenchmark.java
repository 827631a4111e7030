package io.nvmedirect.benchmarks;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * 10,000 virtual threads, each of which blocks in one read of 4 KiB, over two queues: nanoseconds per
 * thread and read, its start and end included. {@link VirtualThreadsLoad} compares with callbacks.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class VirtualThreadsBenchmark {

  private static final int BLOCK = 4096;
  private static final int THREADS = 10_000;

  @Param({"mem:64MiB?model=null", "mem:64MiB?mode=thread"})
  private String address = "";

  private NvmeDevice device;
  private DmaBuffer buffer;
  private final NvmeQueue[] queues = new NvmeQueue[2];
  private final NvmeHandle[] handles = new NvmeHandle[2];
  private final AtomicInteger failed = new AtomicInteger();

  @Setup(Level.Trial)
  public void open() throws IOException {
    device = NvmeDevice.open(address);
    buffer = device.allocate((long) THREADS * BLOCK);
    for (int i = 0; i < queues.length; i++) {
      queues[i] = device.createQueue();
      handles[i] = queues[i].createHandle();
    }
  }

  @TearDown(Level.Trial)
  public void close() throws IOException {
    for (int i = 0; i < queues.length; i++) {
      handles[i].close();
      queues[i].close();
    }
    buffer.close();
    device.close();
  }

  @Benchmark
  @OperationsPerInvocation(THREADS)
  public int readOnce() throws InterruptedException {
    CountDownLatch ended = new CountDownLatch(THREADS);
    for (int i = 0; i < THREADS; i++) {
      NvmeHandle handle = handles[i & 1];
      MemorySegment part = buffer.segment().asSlice((long) i * BLOCK, BLOCK);
      long position = i * 17L * BLOCK & ((64L << 20) - 1);
      var _ =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  handle.read(part, position);
                } catch (IOException | RuntimeException e) {
                  failed.incrementAndGet();
                } finally {
                  ended.countDown();
                }
              });
    }
    ended.await();
    if (failed.get() > 0) {
      throw new IllegalStateException("reads have failed: " + failed);
    }
    return THREADS;
  }
}
