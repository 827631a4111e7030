package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which commands reach the controller for a list of segments, and what becomes of its memory. */
@Tag("emulator")
@Timeout(300)
@SuppressWarnings("NullAway.Init") // open sets the fields
class VectoredCommandsTest {

  private static final int BLOCK = 512;

  /** First block and number of blocks of a command. */
  private record Range(long slba, int blocks) {}

  private final List<Range> reads = new ArrayList<>();
  private final List<Range> writes = new ArrayList<>();

  /** Mappings that were made: a bounce buffer is one, and so is memory of the test's own. */
  private final AtomicInteger mappings = new AtomicInteger();

  private Emulator emulator;
  private NvmeDevice device;
  private NvmeQueue queue;
  private NvmeHandle handle;
  private DmaBuffer buffer;

  private void open(String address, QueueOption... options) throws IOException {
    emulator = FaultyDevice.emulator(address);
    DmaMapper dma = emulator.dma();
    DmaMapper counting =
        new DmaMapper() {
          @Override
          public boolean canMap(MemorySegment memory) {
            return dma.canMap(memory);
          }

          @Override
          public long map(MemorySegment memory) throws IOException {
            // Bounce buffers, and not the list of their pages.
            if (memory.byteSize() > 4096) {
              mappings.incrementAndGet();
            }
            return dma.map(memory);
          }

          @Override
          public void unmap(long iova) {
            dma.unmap(iova);
          }
        };
    DeviceOptions soon = DeviceOptions.defaults().withCommandTimeout(Duration.ofSeconds(2));
    device = FaultyDevice.withDma(emulator, counting, soon);
    queue = device.createQueue(16, options);
    handle = queue.createHandle();
    buffer = device.allocate(4 << 20);
    mappings.set(0);
    inject(0, FaultInjector.NONE);
  }

  /** Notes commands, of which the one with this number, from 1 on, has a fault. */
  private void inject(int number, int fault) {
    emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
      if (sqid == 0) {
        return FaultInjector.NONE;
      }
      (opcode == Opcode.READ ? reads : writes).add(new Range(slba, blocks));
      return reads.size() + writes.size() == number ? fault : FaultInjector.NONE;
    });
  }

  @AfterEach
  void close() throws IOException {
    emulator.inject(null);
    handle.close();
    queue.close();
    buffer.close();
    try {
      device.close();
    } catch (NvmeException e) {
      assertThat(device.controller())
          .as("a controller that is gone does not shut down")
          .isNotNull();
    }
  }

  /** Parts of the buffer: offset and length in turn. */
  private MemorySegment[] parts(int... offsetsAndLengths) {
    MemorySegment[] parts = new MemorySegment[offsetsAndLengths.length / 2];
    for (int i = 0; i < parts.length; i++) {
      parts[i] = buffer.segment().asSlice(offsetsAndLengths[2 * i], offsetsAndLengths[2 * i + 1]);
    }
    return parts;
  }

  /** Writes and reads back with the same segments; the commands must be these, each way. */
  private void assertCommands(MemorySegment[] parts, boolean copied, Range... ranges)
      throws IOException {
    reads.clear();
    writes.clear();
    int length = (int) Segments.byteSize(parts);
    byte[] data = TestData.random(length, length);
    Segments.scatter(MemorySegment.ofArray(data), parts, 0, length);
    handle.write(parts, 0);
    for (MemorySegment part : parts) {
      part.fill((byte) 0);
    }
    handle.read(parts, 0);
    MemorySegment read = MemorySegment.ofArray(new byte[length]);
    Segments.gather(parts, 0, read, length);
    assertThat(TestData.bytes(read)).isEqualTo(data);
    assertThat(writes).containsExactly(ranges);
    assertThat(reads).containsExactly(ranges);
    assertThat(mappings).hasValue(copied ? 1 : 0);
  }

  @ParameterizedTest
  @CsvSource({"on, 1", "off, 0", "dword, 4"})
  void sglAlignment_isWhatTheControllerSays(String sgl, int alignment) throws IOException {
    open("mem:1MiB?sgl=" + sgl);
    assertThat(device.controller().sglAlignment()).isEqualTo(alignment);
  }

  // ---- (a) PRPs.

  @ParameterizedTest
  @ValueSource(strings = {"on", "off"})
  void wholePages_areOneCommand(String sgl) throws IOException {
    open("mem:4MiB?sgl=" + sgl);
    assertCommands(
        parts(0x8000, 4096, 0x3000, 8192, 0x1000, 4096), /* copied= */ false, new Range(0, 32));
  }

  @Test
  void firstAndLast_mayBeWithinPages() throws IOException {
    open("mem:4MiB?sgl=off");
    assertCommands(
        parts(0x8E04, 508, 0x3000, 8192, 0x1000, 4), /* copied= */ false, new Range(0, 17));
  }

  // ---- (b) SGLs.

  @Test
  void anyLengths_areOneCommand() throws IOException {
    open("mem:4MiB");
    assertCommands(
        parts(0x9001, 100, 0x3003, 1, 0x5000, 0, 0x1000, 411, 0x7777, 4096),
        /* copied= */ false,
        new Range(0, 9));
  }

  @Test
  void oneSegmentAtAnOddAddress_isOneCommand() throws IOException {
    open("mem:4MiB");
    assertCommands(parts(0x8001, 8192), /* copied= */ false, new Range(0, 16));
  }

  @Test
  void dwords_areOneCommand() throws IOException {
    open("mem:4MiB?sgl=dword");
    assertCommands(
        parts(0x9004, 100, 0x3008, 412, 0x7770, 4096), /* copied= */ false, new Range(0, 9));
  }

  @Test
  void largeTransfers_areSplitWithinSegments() throws IOException {
    open("mem:4MiB?mdts=8KiB");
    assertCommands(
        parts(0x10000, 6144, 0x20200, 6144, 0x30400, 6144),
        /* copied= */ false,
        new Range(0, 16),
        new Range(16, 16),
        new Range(32, 4));
  }

  @Test
  void manySegments_areSplitAtBlocks() throws IOException {
    open("mem:4MiB");
    int[] parts = new int[600];
    for (int i = 0; i < 300; i++) {
      parts[2 * i] = i * 1024;
      parts[2 * i + 1] = 384;
    }
    // 256 descriptors have 192 blocks.
    assertCommands(parts(parts), /* copied= */ false, new Range(0, 192), new Range(192, 33));
  }

  // ---- (c) Several commands.

  @Test
  void wholeBlocks_withoutSgls_areCommandsOfTheirOwn() throws IOException {
    open("mem:4MiB?sgl=off");
    assertCommands(
        parts(0x1000, 512, 0x3200, 1024, 0x5000, 4096, 0x8000, 512, 0xA000, 512),
        /* copied= */ false,
        new Range(0, 1),
        new Range(1, 2),
        new Range(3, 9),
        new Range(12, 1));
  }

  // ---- (d) A copy.

  @Test
  void partsOfBlocks_withoutSgls_areCopied() throws IOException {
    open("mem:4MiB?sgl=off");
    assertCommands(parts(0x1000, 100, 0x3000, 412), /* copied= */ true, new Range(0, 1));
  }

  @Test
  void oddAddresses_withDwordSgls_areCopied() throws IOException {
    open("mem:4MiB?sgl=dword");
    assertCommands(parts(0x1000, 512, 0x3202, 1024), /* copied= */ true, new Range(0, 3));
  }

  @Test
  void heapMemoryAmongOthers_isCopiedWithThem() throws IOException {
    open("mem:4MiB");
    MemorySegment[] parts = parts(0x1000, 200_000, 0, 0, 0x80000, 300_000 % 512 + 312);
    parts[1] = MemorySegment.ofArray(new byte[1000]);
    int rest = (int) (Segments.byteSize(parts) % BLOCK);
    parts[2] = parts[2].asSlice(0, parts[2].byteSize() - rest);
    int blocks = (int) Segments.byteSize(parts) / BLOCK;
    // The bounce buffer has 128 KiB.
    assertCommands(parts, /* copied= */ true, new Range(0, 256), new Range(256, blocks - 256));
  }

  @Test
  void blockOfTooManyPieces_isCopied() throws IOException {
    open("mem:4MiB");
    int[] parts = new int[1024];
    for (int i = 0; i < 512; i++) {
      parts[2 * i] = 2 * i;
      parts[2 * i + 1] = 1;
    }
    assertCommands(parts(parts), /* copied= */ true, new Range(0, 1));
  }

  // ---- Asynchronous, and over several queues.

  @Test
  void asynchronousOperation_hasTheSameCommands() throws IOException {
    open("mem:4MiB", QueueOption.CONFINED);
    AsyncIo io = new AsyncIo();
    MemorySegment[] parts = parts(0x8001, 100, 0x1000, 412, 0x7777, 4096);
    assertThat(handle.write(io, parts, 4096)).isTrue();
    // The array is the caller's again.
    parts[0] = MemorySegment.NULL;
    assertThat(writes).isEmpty();
    queue.poll();
    assertThat(io.status()).isZero();
    assertThat(writes).containsExactly(new Range(8, 9));
  }

  @Test
  void selectedQueues_haveTheirCommandsEach() throws IOException {
    open("mem:4MiB?mdts=8KiB", QueueOption.MANUAL_COMPLETION);
    try (NvmeQueue other = device.createQueue(16, QueueOption.MANUAL_COMPLETION);
        NvmeHandle both =
            device.createHandle(
                List.of(queue, other),
                (h, opcode, position, length) -> position / 8192 % 2 == 0 ? queue : other)) {
      MemorySegment[] parts = parts(0x10001, 6144, 0x20200, 6143, 0x30400, 6145);
      byte[] data = TestData.random(1, 18432);
      Segments.scatter(MemorySegment.ofArray(data), parts, 0, data.length);
      both.write(parts, 0);
      assertThat(writes).containsExactly(new Range(0, 16), new Range(16, 16), new Range(32, 4));
      MemorySegment[] back = parts(0x40001, 6145, 0x50200, 6144, 0x60400, 6143);
      AsyncIo io = new AsyncIo();
      both.enqueueRead(io, back, 0);
      while (!io.isDone()) {
        both.poll();
      }
      assertThat(io.status()).isZero();
      assertThat(reads).containsExactlyInAnyOrderElementsOf(writes);
      MemorySegment read = MemorySegment.ofArray(new byte[data.length]);
      Segments.gather(back, 0, read, data.length);
      assertThat(TestData.bytes(read)).isEqualTo(data);
    }
  }

  // ---- Failures, and the life of the memory.

  @Test
  void errorInTheMidst_isTheOperations_andBuffersAreReleased() throws IOException {
    open("mem:4MiB?mdts=8KiB");
    DmaBuffer other = device.allocate(4096);
    MemorySegment[] parts = parts(0x10000, 6144, 0x20200, 6144, 0x30400, 6144);
    parts[1] = other.segment().asSlice(1, 2048);
    inject(2, Status.UNRECOVERED_READ_ERROR);
    assertThatThrownBy(() -> handle.read(parts, 0))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("Read of 14336 bytes at 0");
    other.close();
    assertThat(other.segment().scope().isAlive()).isFalse();
    assertThat(buffer.isInUse()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:4MiB", "mem:4MiB?mode=thread"})
  void lostCommand_endsTheOperation_andBuffersAreReleased(String address) throws IOException {
    open(address);
    inject(1, FaultInjector.DROP);
    assertThatThrownBy(() -> handle.read(parts(0x10001, 500, 0x20200, 524), 0))
        .isInstanceOf(NvmeException.class);
    assertThat(buffer.isInUse()).isFalse();
    handle.read(parts(0x10001, 500, 0x20200, 524), 0);
  }

  @Test
  void buffersOfALostController_areNeverFreed() throws IOException {
    open("mem:4MiB");
    inject(1, FaultInjector.REMOVE);
    DmaBuffer other = device.allocate(4096);
    MemorySegment[] parts = parts(0x10001, 500, 0, 0);
    parts[1] = other.segment().asSlice(1, 524);
    assertThatThrownBy(() -> handle.read(parts, 0)).isInstanceOf(NvmeException.class);
    other.close();
    assertThat(other.segment().scope().isAlive()).isTrue();
    assertThatThrownBy(() -> handle.read(new AsyncIo(), parts(0, 512), 0))
        .isInstanceOf(NvmeException.class);
  }

  @Test
  void closedBuffer_staysUntilTheOperationIsDone() throws IOException {
    open("mem:4MiB", QueueOption.CONFINED);
    DmaBuffer first = device.allocate(4096);
    DmaBuffer second = device.allocate(4096);
    AsyncIo io = new AsyncIo();
    MemorySegment[] parts = {
      first.segment().asSlice(0, 300), second.segment().asSlice(9, 212), MemorySegment.NULL
    };
    assertThat(handle.read(io, parts, 0)).isTrue();
    first.close();
    second.close();
    assertThat(first.segment().scope().isAlive()).isTrue();
    assertThat(second.segment().scope().isAlive()).isTrue();
    assertThatThrownBy(() -> handle.read(new AsyncIo(), parts, 0))
        .isInstanceOf(IllegalStateException.class);
    handle.close();
    assertThat(io.status()).isZero();
    assertThat(first.segment().scope().isAlive()).isFalse();
    assertThat(second.segment().scope().isAlive()).isFalse();
    handle = queue.createHandle();
  }

  @Test
  void fullQueue_isAReturnValue_andHoldsNothing() throws IOException {
    open("mem:4MiB", QueueOption.CONFINED);
    for (int i = 0; i < queue.depth(); i++) {
      assertThat(handle.read(new AsyncIo(), parts(0x1000, 100, 0x3000, 412), 0)).isTrue();
    }
    DmaBuffer other = device.allocate(4096);
    AsyncIo refused = new AsyncIo();
    assertThat(handle.read(refused, new MemorySegment[] {other.segment()}, 0)).isFalse();
    assertThat(refused.isInFlight()).isFalse();
    assertThat(other.isInUse()).isFalse();
    AsyncIo waits = new AsyncIo();
    handle.enqueueRead(waits, parts(0x1000, 100, 0x3000, 412), 0);
    other.close();
    while (handle.outstanding() > 0) {
      queue.poll();
    }
    assertThat(waits.status()).isZero();
    assertThat(buffer.isInUse()).isFalse();
  }
}
