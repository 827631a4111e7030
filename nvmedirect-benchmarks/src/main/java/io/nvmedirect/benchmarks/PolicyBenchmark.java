package io.nvmedirect.benchmarks;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
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
 * Blocking reads of 4 KiB, one at a time, by completion policy: the distribution of their latency. What
 * they cost in CPU time {@link PolicyLoad} says.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class PolicyBenchmark {

  private static final int BLOCK = 4096;

  @Param({"mem:64MiB?model=flash", "mem:64MiB?mode=thread"})
  private String address = "";

  @Param({"POLL", "INTERRUPT", "HYBRID"})
  private String policy = "";

  private NvmeDevice device;
  private NvmeQueue queue;
  private NvmeHandle handle;
  private DmaBuffer buffer;
  private MemorySegment block;
  private long position;

  @Setup(Level.Trial)
  public void open() throws IOException {
    Policy chosen = Policy.valueOf(policy);
    device = NvmeDevice.open(address);
    queue = chosen.queue(device);
    handle = chosen.handle(queue);
    buffer = device.allocate(BLOCK);
    block = buffer.segment();
  }

  @TearDown(Level.Trial)
  public void close() throws IOException {
    handle.close();
    queue.close();
    buffer.close();
    device.close();
  }

  @Benchmark
  public void read() throws IOException {
    position = (position + 17 * BLOCK) & ((64L << 20) - 1);
    handle.read(block, position);
  }
}
