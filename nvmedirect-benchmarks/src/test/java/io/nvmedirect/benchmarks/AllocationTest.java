package io.nvmedirect.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
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
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * I/O allocates nothing, once it is compiled: of rounds of many operations one must allocate less than a
 * byte for each. Counted are the bytes of the thread that does the I/O.
 */
@Timeout(300)
class AllocationTest {

  private static final int BLOCK = 4096;
  private static final int ROUND = 5_000;
  private static final int ROUNDS = 200;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** One I/O. */
  @FunctionalInterface
  private interface Io {
    void run(long position) throws IOException;
  }

  private static void assertAllocatesNothing(Io io) throws IOException {
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least >= ROUND; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < ROUND; i++) {
        io.run((long) (i % 1024) * BLOCK);
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).as("bytes that %d operations allocate at the least", ROUND).isLessThan(ROUND);
  }

  @Test
  void asynchronous_onAConfinedQueue() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:16MiB");
        NvmeQueue queue = device.createQueue(32, QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(16 * BLOCK)) {
      int[] done = new int[1];
      AsyncIo io = new AsyncIo(_ -> done[0]++);
      assertAllocatesNothing(position -> {
        done[0] = 0;
        handle.write(io, buffer, 0, BLOCK, position);
        while (done[0] == 0) {
          queue.poll();
        }
      });
      MemorySegment all = buffer.segment();
      assertAllocatesNothing(position -> {
        done[0] = 0;
        handle.read(io, all, position);
        while (done[0] == 0) {
          queue.poll();
        }
      });
    }
  }

  @Test
  void synchronous_byEachPolicy() throws IOException {
    for (String address : new String[] {"mem:16MiB", "mem:16MiB?mode=thread"}) {
      try (NvmeDevice device = NvmeDevice.open(address);
          NvmeQueue queue = device.createQueue(32, QueueOption.INTERRUPT);
          DmaBuffer buffer = device.allocate(BLOCK)) {
        MemorySegment block = buffer.segment();
        for (HandleOption[] options :
            new HandleOption[][] {{}, {HandleOption.HYBRID}, {HandleOption.INTERRUPT}}) {
          try (NvmeHandle handle = queue.createHandle(options)) {
            assertAllocatesNothing(position -> handle.read(block, position));
            assertAllocatesNothing(position -> handle.write(block, position));
          }
        }
      }
    }
  }

  @Test
  void copied_vectoredAndBuffered() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:16MiB");
        NvmeQueue queue = device.createQueue(32);
        NvmeHandle handle = queue.createHandle();
        NvmeHandle buffered = queue.createHandle(HandleOption.BUFFERED);
        DmaBuffer buffer = device.allocate(4 * BLOCK)) {
      MemorySegment heap = MemorySegment.ofArray(new byte[BLOCK]);
      assertAllocatesNothing(position -> handle.write(heap, position));
      MemorySegment[] pieces = {
        buffer.segment().asSlice(0, BLOCK), buffer.segment().asSlice(2 * BLOCK, BLOCK)
      };
      assertAllocatesNothing(position -> handle.read(pieces, position));
      assertAllocatesNothing(position -> buffered.read(heap, position));
      assertAllocatesNothing(position -> buffered.write(heap, position));
    }
  }

  /** The count itself works: what allocates is found out. */
  @Test
  void future_isFoundOut() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:16MiB");
        NvmeQueue queue = device.createQueue(32, QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(BLOCK)) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < ROUND; i++) {
        CompletableFuture<Void> read = handle.readAsync(buffer.segment(), 0);
        queue.poll();
        read.join();
      }
      assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).isGreaterThan(16L * ROUND);
    }
  }
}
