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
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * 16 KiB into four segments of 4 KiB that are no neighbours, on a confined queue: as one vectored read,
 * and as four reads that are one batch. With {@code pages} the segments are whole pages and one PRP list
 * describes them, with {@code dwords} they are not and an SGL does. Figures are per 16 KiB.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class VectoredReadBenchmark {

  private static final int SEGMENTS = 4;
  private static final int BYTES = 4096;
  private static final String STUB = "stub";

  @Param({STUB, "mem:64MiB?model=null", "mem:64MiB"})
  private String address = "";

  @Param({"pages", "dwords"})
  private String alignment = "";

  private NvmeDevice device;
  private NvmeQueue queue;
  private NvmeHandle handle;
  private DmaBuffer buffer;
  private final MemorySegment[] segments = new MemorySegment[SEGMENTS];
  private final AsyncIo[] ios = new AsyncIo[SEGMENTS];
  private int offset;
  private long position;
  private int done;

  @Setup(Level.Trial)
  public void open() throws IOException {
    device = address.equals(STUB) ? StubController.openDevice() : NvmeDevice.open(address);
    queue = device.createQueue(32, QueueOption.CONFINED);
    handle = queue.createHandle();
    buffer = device.allocate(2L * SEGMENTS * BYTES);
    offset = alignment.equals("pages") ? 0 : 4;
    for (int i = 0; i < SEGMENTS; i++) {
      segments[i] = buffer.segment().asSlice(place(i), BYTES);
      ios[i] = new AsyncIo(io -> done++);
    }
  }

  /** Where in the buffer a segment begins: every other page. */
  private long place(int i) {
    return 2L * i * BYTES + offset;
  }

  @TearDown(Level.Trial)
  public void close() throws IOException {
    handle.close();
    queue.close();
    buffer.close();
    device.close();
  }

  @Benchmark
  public int vectored() throws IOException {
    done = 0;
    handle.read(ios[0], segments, nextPosition());
    while (done < 1) {
      queue.poll();
    }
    return done;
  }

  @Benchmark
  public int fourReads() throws IOException {
    done = 0;
    long at = nextPosition();
    for (int i = 0; i < SEGMENTS; i++) {
      handle.read(ios[i], buffer, place(i), BYTES, at + (long) i * BYTES);
    }
    while (done < SEGMENTS) {
      queue.poll();
    }
    return done;
  }

  @Benchmark
  public void synchronousVectored() throws IOException {
    handle.read(segments, nextPosition());
  }

  @Benchmark
  public void fourSynchronousReads() throws IOException {
    long at = nextPosition();
    for (int i = 0; i < SEGMENTS; i++) {
      handle.read(segments[i], at + (long) i * BYTES);
    }
  }

  /** Strides through the device, so that the data is not all in the first cache. */
  private long nextPosition() {
    position = (position + 17L * SEGMENTS * BYTES) & ((64L << 20) - 1);
    return position;
  }
}
