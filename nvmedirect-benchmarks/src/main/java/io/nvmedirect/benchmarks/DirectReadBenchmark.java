package io.nvmedirect.benchmarks;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
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
 * 4 KiB direct reads on a confined queue. One invocation posts a batch of 32, rings once and reaps
 * all; figures are per I/O. {@code large} is one read of 128 KiB; what begins with {@code write} writes. With
 * the stub, that is the cost of the driver. The other controllers are the embedded one: with {@code
 * model=null} it moves no data, inline it executes on the same thread.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class DirectReadBenchmark {

  private static final int BATCH = 32;
  private static final int BLOCK = 4096;
  private static final String STUB = "stub";

  @Param({
    STUB,
    "mem:64MiB?model=null",
    "mem:64MiB",
    "mem:64MiB?model=null&mode=thread",
    "mem:64MiB?mode=thread"
  })
  private String address = "";

  private NvmeDevice device;
  private NvmeQueue queue;
  private NvmeHandle handle;
  private DmaBuffer buffer;
  private MemorySegment oneBlock;
  private final AsyncIo[] ios = new AsyncIo[BATCH];
  private long position;
  private int done;

  @Setup(Level.Trial)
  public void open() throws IOException {
    device = address.equals(STUB) ? StubController.openDevice() : NvmeDevice.open(address);
    queue = device.createQueue(BATCH, QueueOption.CONFINED);
    handle = queue.createHandle();
    buffer = device.allocate((long) BATCH * BLOCK);
    oneBlock = buffer.segment().asSlice(0, BLOCK);
    for (int i = 0; i < BATCH; i++) {
      ios[i] = new AsyncIo(io -> done++);
    }
  }

  @TearDown(Level.Trial)
  public void close() throws IOException {
    handle.close();
    queue.close();
    buffer.close();
    device.close();
  }

  @Benchmark
  @OperationsPerInvocation(BATCH)
  public int depth32() throws IOException {
    done = 0;
    for (int i = 0; i < BATCH; i++) {
      handle.read(ios[i], buffer, (long) i * BLOCK, BLOCK, nextPosition());
    }
    while (done < BATCH) {
      queue.poll();
    }
    return done;
  }

  @Benchmark
  public int depth1() throws IOException {
    done = 0;
    handle.read(ios[0], buffer, 0, BLOCK, nextPosition());
    while (done < 1) {
      queue.poll();
    }
    return done;
  }

  /** 128 KiB in one command: 32 pages, of which 31 are in a PRP list. */
  @Benchmark
  public int large() throws IOException {
    done = 0;
    handle.read(ios[0], buffer, 0, (long) BATCH * BLOCK, nextPosition() & -BATCH * BLOCK);
    while (done < 1) {
      queue.poll();
    }
    return done;
  }

  @Benchmark
  public void synchronous() throws IOException {
    handle.read(oneBlock, nextPosition());
  }

  /** Like {@link #depth32}, writes. */
  @Benchmark
  @OperationsPerInvocation(BATCH)
  public int write32() throws IOException {
    done = 0;
    for (int i = 0; i < BATCH; i++) {
      handle.write(ios[i], buffer, (long) i * BLOCK, BLOCK, nextPosition());
    }
    while (done < BATCH) {
      queue.poll();
    }
    return done;
  }

  /** Like {@link #synchronous}, a write. */
  @Benchmark
  public void writeSynchronous() throws IOException {
    handle.write(oneBlock, nextPosition());
  }

  /** Strides through the device, so that the data is not all in the first cache. */
  private long nextPosition() {
    position = (position + 17 * BLOCK) & ((64L << 20) - 1);
    return position;
  }
}
