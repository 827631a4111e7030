package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** All that a client can have in flight, at servers that take few DMA mappings and do not say so. */
@Timeout(300)
class FewMappingsTest {

  private static final int QUEUES = 64;
  private static final int DEPTH = 255;
  private static final int BLOCK_BYTES = 4096;
  private static final String DEVICE = "mem:%d".formatted(QUEUES * DEPTH * BLOCK_BYTES);

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(ints = {64, 16, 4})
  void allQueuesAtFullDepth(int mappings) throws Exception {
    Path socket = directory.resolve("s");
    try (NvmeServer server = LimitedServers.open(DEVICE, mappings)) {
      server.listen(socket);
      run("vfio-user:" + socket);
    }
  }

  /**
   * The second server is a client of the first, with all that its own client has in flight; with a single
   * mapping it has fewer slots.
   */
  @ParameterizedTest
  @ValueSource(ints = {4, 1})
  void forwarded_allQueuesAtFullDepth(int mappings) throws Exception {
    Path inner = directory.resolve("inner");
    Path outer = directory.resolve("outer");
    try (NvmeServer disk = LimitedServers.open(DEVICE, mappings)) {
      disk.listen(inner);
      try (NvmeServer server = LimitedServers.open("vfio-user:" + inner, 4)) {
        server.listen(outer);
        run("vfio-user:" + outer);
      }
    }
  }

  /** Writes the whole device, each block by an operation of its own and all at the same time, and reads it. */
  private static void run(String address) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        Arena arena = Arena.ofShared()) {
      List<NvmeQueue> queues = new ArrayList<>();
      List<NvmeHandle> handles = new ArrayList<>();
      List<DmaBuffer> buffers = new ArrayList<>();
      List<MemorySegment> memory = new ArrayList<>();
      for (int q = 0; q < QUEUES; q++) {
        queues.add(device.createQueue(DEPTH, QueueOption.MANUAL_COMPLETION));
        handles.add(queues.get(q).createHandle());
        long bytes = (long) DEPTH * BLOCK_BYTES;
        if (q % 16 != 1) {
          buffers.add(device.allocate(bytes));
          memory.add(buffers.getLast().segment());
        } else {
          memory.add(arena.allocate(bytes, BLOCK_BYTES)); // goes through bounce buffers
        }
        for (int i = 0; i < DEPTH; i++) {
          memory.get(q).set(ValueLayout.JAVA_INT, (long) i * BLOCK_BYTES, q * DEPTH + i + 1);
        }
      }
      transfer(queues, handles, memory, true);
      memory.forEach(m -> m.fill((byte) 0));
      transfer(queues, handles, memory, false);
      for (int q = 0; q < QUEUES; q++) {
        for (int i = 0; i < DEPTH; i++) {
          assertThat(memory.get(q).get(ValueLayout.JAVA_INT, (long) i * BLOCK_BYTES))
              .isEqualTo(q * DEPTH + i + 1);
        }
        handles.get(q).close();
        queues.get(q).close();
      }
      buffers.forEach(DmaBuffer::close);
    }
  }

  private static void transfer(
      List<NvmeQueue> queues, List<NvmeHandle> handles, List<MemorySegment> memory, boolean write)
      throws IOException {
    List<AsyncIo> operations = new ArrayList<>();
    for (int q = 0; q < QUEUES; q++) {
      for (int i = 0; i < DEPTH; i++) {
        AsyncIo io = new AsyncIo();
        MemorySegment block = memory.get(q).asSlice((long) i * BLOCK_BYTES, BLOCK_BYTES);
        long position = (long) (q * DEPTH + i) * BLOCK_BYTES;
        NvmeHandle handle = handles.get(q);
        assertThat(write ? handle.write(io, block, position) : handle.read(io, block, position))
            .isTrue();
        operations.add(io);
      }
      assertThat(queues.get(q).inFlight()).isEqualTo(DEPTH);
    }
    while (operations.stream().anyMatch(AsyncIo::isInFlight)) {
      queues.forEach(NvmeQueue::poll);
    }
    assertThat(operations).allMatch(io -> io.status() == 0);
  }
}
