package io.nvmedirect.benchmarks;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.QueuePriority;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * How a busy controller is shared by queues of different priorities: one thread keeps 64 reads in flight on
 * each, and counts what completes. Arguments: address, bytes of a read, and a priority for each queue.
 */
public final class ArbitrationLoad {

  private static final int DEPTH = 64;
  private static final long WARMUP_NS = 3_000_000_000L;
  private static final long RUN_NS = 5_000_000_000L;

  private ArbitrationLoad() {}

  /** A queue that is full until it closes. */
  private static final class Load implements AutoCloseable {
    final NvmeQueue queue;
    private final NvmeHandle handle;
    private final DmaBuffer buffer;
    private final int readBytes;
    private final long sizeBytes;
    private boolean closing;
    private long position;
    long done;

    Load(NvmeDevice device, QueuePriority priority, int readBytes) throws IOException {
      this.readBytes = readBytes;
      this.sizeBytes = device.sizeBytes();
      queue = device.createQueue(DEPTH, priority, QueueOption.CONFINED);
      handle = queue.createHandle();
      buffer = device.allocate(readBytes);
      for (int i = 0; i < DEPTH; i++) {
        read(
            new AsyncIo(io -> {
              done++;
              if (!closing) {
                read(io);
              }
            }));
      }
    }

    private void read(AsyncIo io) {
      position = (position + 17L * readBytes) % sizeBytes;
      try {
        if (!handle.read(io, buffer, 0, readBytes, position)) {
          throw new IllegalStateException("the queue is full");
        }
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void close() throws IOException {
      closing = true;
      while (handle.outstanding() > 0) {
        queue.poll();
      }
      buffer.close();
      handle.close();
      queue.close();
    }
  }

  /** Prints operations per second of each queue, and their share of all. */
  public static void main(String[] arguments) throws IOException {
    int readBytes = Integer.parseInt(arguments[1]);
    List<Load> loads = new ArrayList<>();
    try (NvmeDevice device = NvmeDevice.open(arguments[0])) {
      for (int i = 2; i < arguments.length; i++) {
        loads.add(new Load(device, QueuePriority.valueOf(arguments[i]), readBytes));
      }
      run(loads, WARMUP_NS);
      loads.forEach(load -> load.done = 0);
      long ns = run(loads, RUN_NS);
      long total = loads.stream().mapToLong(load -> load.done).sum();
      for (Load load : loads) {
        System.out.printf(
            "%-6s %,10.0f IOPS %5.1f %%%n",
            load.queue.priority(), load.done * 1e9 / ns, load.done * 100.0 / total);
      }
      for (Load load : loads) {
        load.close();
      }
    }
  }

  private static long run(List<Load> loads, long forNs) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < forNs) {
      for (Load load : loads) {
        load.queue.poll();
      }
    }
    return System.nanoTime() - start;
  }
}
