package io.nvmedirect.benchmarks;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
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
 * 4 KiB direct reads on a confined queue that is kept filled: each operation is submitted again from its
 * callback, and the next poll rings for all of them. So host and controller, each on a core, work at the
 * same time. Figures are per I/O.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class PipelinedReadBenchmark {

  private static final int BLOCK = 4096;
  private static final int PER_INVOCATION = 4096;

  @Param({"mem:64MiB?model=null&mode=thread", "mem:64MiB?mode=thread"})
  private String address = "";

  @Param({"1", "8", "32", "128"})
  private int depth;

  private NvmeDevice device;
  private NvmeQueue queue;
  private NvmeHandle handle;
  private DmaBuffer buffer;
  private AsyncIo[] ios = {};
  private long position;
  private int left;

  @Setup(Level.Trial)
  public void open() throws IOException {
    device = NvmeDevice.open(address);
    queue = device.createQueue(depth, QueueOption.CONFINED);
    handle = queue.createHandle();
    buffer = device.allocate((long) depth * BLOCK);
    ios = new AsyncIo[depth];
    for (int i = 0; i < depth; i++) {
      long offset = (long) i * BLOCK;
      ios[i] = new AsyncIo(io -> again(io, offset));
    }
  }

  @TearDown(Level.Trial)
  public void close() throws IOException {
    handle.close();
    queue.close();
    buffer.close();
    device.close();
  }

  /** Completes 4096 reads; the queue is filled at its begin and empty at its end. */
  @Benchmark
  @OperationsPerInvocation(PER_INVOCATION)
  public int read() throws IOException {
    left = PER_INVOCATION - depth;
    for (int i = 0; i < depth; i++) {
      submit(ios[i], (long) i * BLOCK);
    }
    int done = 0;
    while (done < PER_INVOCATION) {
      done += queue.poll();
    }
    return done;
  }

  private void again(AsyncIo io, long offset) {
    if (left > 0) {
      left--;
      try {
        submit(io, offset);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private void submit(AsyncIo io, long offset) throws IOException {
    position = (position + 17 * BLOCK) & ((64L << 20) - 1);
    if (!handle.read(io, buffer, offset, BLOCK, position)) {
      throw new IllegalStateException("the queue is full");
    }
  }
}
