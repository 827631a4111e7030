package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Handles whose classes and weights change at random, each with several operations of any length under
 * way: every operation ends once, and every read has what was written.
 */
@Tag("emulator")
@Timeout(300)
class SchedulingRandomTest {

  private static final int HANDLES = 5;
  private static final int LANES = 12;
  private static final int REGION = 64 * 1024;
  private static final int BLOCK = 512;

  /** One operation after the other on a region of its own. */
  private static final class Lane {
    private final NvmeHandle handle;
    private final Random random;
    private final long position;
    private final byte[] expected = new byte[REGION];

    /** What the device transfers; every other lane's is copied on the way. */
    private final MemorySegment memory;

    private final AsyncIo io = new AsyncIo(done -> ended());
    private boolean running;
    private boolean writing;
    private int at;
    private int length;
    private int left;

    Lane(NvmeHandle handle, MemorySegment memory, long position, int operations, Random random) {
      this.handle = handle;
      this.memory = memory;
      this.position = position;
      this.left = operations;
      this.random = random;
    }

    void begin() throws IOException {
      at = random.nextInt(REGION / BLOCK) * BLOCK;
      length = (1 + random.nextInt((REGION - at) / BLOCK)) * BLOCK;
      if (random.nextInt(3) > 0) {
        length = Math.min(length, 4096);
      }
      writing = random.nextBoolean();
      running = true;
      MemorySegment part = memory.asSlice(0, length);
      if (writing) {
        byte[] data = TestData.random(random.nextLong(), length);
        MemorySegment.copy(MemorySegment.ofArray(data), 0, part, 0, length);
        System.arraycopy(data, 0, expected, at, length);
      }
      if (random.nextBoolean()) {
        enqueue(part);
      } else if (writing
          ? !handle.write(io, part, position + at)
          : !handle.read(io, part, position + at)) {
        enqueue(part);
      }
    }

    private void enqueue(MemorySegment part) throws IOException {
      if (writing) {
        handle.enqueueWrite(io, part, position + at);
      } else {
        handle.enqueueRead(io, part, position + at);
      }
    }

    private void ended() {
      assertThat(running).as("an operation ends once").isTrue();
      running = false;
      assertThat(io.status()).isZero();
      if (!writing) {
        byte[] data = TestData.bytes(memory.asSlice(0, length));
        assertThat(data).isEqualTo(Arrays.copyOfRange(expected, at, at + length));
      }
      if (--left > 0) {
        try {
          begin();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "mem:8MiB?mdts=8KiB, 4, 1",
    "mem:8MiB?mdts=16KiB, 64, 2",
    "mem:8MiB?mode=thread&mdts=8KiB, 7, 3",
    "mem:8MiB?mode=thread, 255, 4",
    "mem:8MiB?model=flash, 32, 5"
  })
  void operations_endOnceWithTheirData(String address, int depth, long seed) throws IOException {
    Random random = new Random(seed);
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(depth, QueueOption.MANUAL_COMPLETION)) {
      List<NvmeHandle> handles = new ArrayList<>();
      List<DmaBuffer> buffers = new ArrayList<>();
      List<Lane> lanes = new ArrayList<>();
      for (int h = 0; h < HANDLES; h++) {
        NvmeHandle handle = queue.createHandle();
        handles.add(handle);
        for (int l = 0; l < LANES; l++) {
          MemorySegment memory = MemorySegment.ofArray(new byte[REGION]);
          if (l % 2 == 0) {
            DmaBuffer buffer = device.allocate(REGION);
            buffers.add(buffer);
            memory = buffer.segment();
          }
          long position = (long) lanes.size() * REGION;
          lanes.add(new Lane(handle, memory, position, 40, random));
        }
      }
      for (Lane lane : lanes) {
        lane.begin();
      }
      while (lanes.stream().anyMatch(lane -> lane.left > 0)) {
        queue.poll();
        if (random.nextInt(10) == 0) {
          NvmeHandle handle = handles.get(random.nextInt(HANDLES));
          PriorityClass[] classes = PriorityClass.values();
          handle.schedule(classes[random.nextInt(classes.length)], 1 + random.nextInt(1000));
        }
        if (random.nextInt(50) == 0) {
          // Synchronous I/O meanwhile, on blocks that no lane has.
          NvmeHandle handle = handles.get(random.nextInt(HANDLES));
          byte[] data = TestData.random(random.nextLong(), 8192);
          handle.write(MemorySegment.ofArray(data), (long) lanes.size() * REGION);
          assertThat(handle.compare(MemorySegment.ofArray(data), (long) lanes.size() * REGION))
              .isTrue();
        }
      }
      handles.forEach(NvmeHandle::close);
      assertThat(lanes).noneMatch(lane -> lane.running);
      assertThat(queue.inFlight()).isZero();
      buffers.forEach(DmaBuffer::close);
    }
  }
}
