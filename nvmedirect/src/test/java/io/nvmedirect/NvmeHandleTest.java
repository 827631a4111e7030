package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

/** Synchronous direct I/O, over block sizes, modes, small and large MDTS, and queue depth 1. */
@ParameterizedClass
@DeviceAddresses({
  "mem:16MiB",
  "mem:16MiB?lba=4096",
  "mem:16MiB?mode=thread",
  "mem:16MiB?shadow=on",
  "mem:16MiB?shadow=on&mode=thread",
  "mem:16MiB?lba=4096&mode=thread&mdts=8KiB",
  "mem:16MiB?mdts=16KiB",
  "mem:16MiB?mdts=0"
})
class NvmeHandleTest {

  /** What a test reads and writes at the most, for devices may be large. */
  private static final int MOST_BYTES = 16 << 20;

  private final NvmeDevice device;
  private final NvmeQueue queue;
  private final NvmeHandle handle;
  private final int block;

  NvmeHandleTest(String address) throws IOException {
    device = NvmeDevice.open(address);
    queue = device.createQueue(7);
    handle = queue.createHandle();
    block = device.blockBytes();
  }

  @AfterEach
  void close() throws IOException {
    handle.close();
    queue.close();
    device.close();
  }

  private void roundTrip(MemorySegment out, MemorySegment in, long position) throws IOException {
    byte[] data = TestData.random(position + out.byteSize(), (int) out.byteSize());
    TestData.fill(out, data);
    handle.write(out, position);
    handle.read(in, position);
    assertThat(TestData.bytes(in)).isEqualTo(data);
  }

  @Test
  void dmaBuffer_ofAnyLength_comesBack() throws IOException {
    try (DmaBuffer buffer = device.allocate(8 << 20)) {
      long half = 4 << 20;
      for (long length : List.of((long) block, 2L * block, 9L * block, 1L << 20, half)) {
        roundTrip(
            buffer.segment().asSlice(0, length), buffer.segment().asSlice(half, length), block);
      }
    }
  }

  @Test
  void dmaBuffer_atAnyOffset_comesBack() throws IOException {
    try (DmaBuffer buffer = device.allocate(1 << 20)) {
      for (long offset : List.of(4L, 8L, 512L, 4092L, 4100L)) {
        MemorySegment slice = buffer.segment().asSlice(offset, 12L * block);
        roundTrip(slice, buffer.segment().asSlice((1 << 19) + offset, 12L * block), 3L * block);
      }
      // Not aligned to 4: copied.
      MemorySegment odd = buffer.segment().asSlice(3, 12L * block);
      roundTrip(odd, buffer.segment().asSlice((1 << 19) + 1, 12L * block), 3L * block);
    }
  }

  @Test
  void anyMemory_comesBack() throws IOException {
    try (Arena shared = Arena.ofShared();
        Arena confined = Arena.ofConfined()) {
      int length = 300 * 1024 / 4096 * 4096;
      roundTrip(shared.allocate(length, 4), shared.allocate(length, 4096), 0);
      roundTrip(confined.allocate(length), confined.allocate(length), 0);
      roundTrip(Arena.ofAuto().allocate(length), Arena.global().allocate(length), 0);
      roundTrip(
          MemorySegment.ofArray(new byte[length]), MemorySegment.ofArray(new byte[length]), block);
      roundTrip(
          MemorySegment.ofArray(new long[length / 8]),
          MemorySegment.ofArray(new byte[length + 1]).asSlice(1, length),
          block);
    }
  }

  @Test
  void edges_ofTheDevice_comeBack() throws IOException {
    MemorySegment out = MemorySegment.ofArray(new byte[4 * block]);
    MemorySegment in = MemorySegment.ofArray(new byte[4 * block]);
    roundTrip(out, in, 0);
    roundTrip(out, in, device.sizeBytes() - 4L * block);
  }

  @Test
  void read_ofManyCommands_isOneCall() throws IOException {
    try (DmaBuffer buffer = device.allocate(Math.min(device.sizeBytes(), MOST_BYTES))) {
      byte[] data = TestData.random(1, (int) buffer.byteSize());
      TestData.fill(buffer.segment(), data);
      handle.write(buffer.segment(), 0);
      buffer.segment().fill((byte) 0);
      handle.read(buffer.segment(), 0);
      assertThat(TestData.bytes(buffer.segment())).isEqualTo(data);
    }
  }

  @Test
  void neighbours_areNotTouched() throws IOException {
    MemorySegment ones = MemorySegment.ofArray(new byte[5 * block]).fill((byte) 1);
    handle.write(ones, 0);
    handle.write(MemorySegment.ofArray(new byte[block]).fill((byte) 2), 2L * block);
    MemorySegment all = MemorySegment.ofArray(new byte[5 * block]);
    handle.read(all, 0);
    assertThat(TestData.bytes(all.asSlice(0, 2L * block))).containsOnly(1);
    assertThat(TestData.bytes(all.asSlice(2L * block, block))).containsOnly(2);
    assertThat(TestData.bytes(all.asSlice(3L * block))).containsOnly(1);
  }

  @Test
  void misaligned_isRefusedAndChangesNothing() throws IOException {
    MemorySegment data = MemorySegment.ofArray(new byte[block]).fill((byte) 9);
    handle.write(MemorySegment.ofArray(new byte[2 * block]).fill((byte) 6), 0);
    MemorySegment part = data.asSlice(0, block - 1);
    assertThatThrownBy(() -> handle.write(data, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("position=1")
        .hasMessageContaining(String.valueOf(block));
    assertThatThrownBy(() -> handle.write(part, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("length=" + (block - 1));
    MemorySegment read = MemorySegment.ofArray(new byte[2 * block]).fill((byte) 5);
    handle.read(read, 0);
    assertThat(TestData.bytes(read)).containsOnly(6);
  }

  @Test
  void outOfRange_isRefused() {
    MemorySegment two = MemorySegment.ofArray(new byte[2 * block]);
    for (long position :
        new long[] {-block, device.sizeBytes() - block, device.sizeBytes(), 1L << 62}) {
      assertThatThrownBy(() -> handle.read(two, position))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("position=" + position)
          .hasMessageContaining("size=" + device.sizeBytes());
      assertThatThrownBy(() -> handle.discard(position, 2L * block))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void nothing_isReadAndWritten() throws IOException {
    MemorySegment empty = MemorySegment.ofArray(new byte[0]);
    handle.read(empty, 0);
    handle.write(empty, device.sizeBytes());
    handle.discard(0, 0);
    handle.writeZeroes(0, 0);
    assertThat(handle.outstanding()).isZero();
  }

  @Test
  void read_intoReadOnlyMemory_isRefused() {
    MemorySegment memory = MemorySegment.ofArray(new byte[block]).asReadOnly();
    assertThatThrownBy(() -> handle.read(memory, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("read-only");
  }

  @Test
  void write_ofReadOnlyMemory_works() throws IOException {
    MemorySegment memory = MemorySegment.ofArray(TestData.random(1, block));
    handle.write(memory.asReadOnly(), 0);
    MemorySegment read = MemorySegment.ofArray(new byte[block]);
    handle.read(read, 0);
    assertThat(TestData.bytes(read)).isEqualTo(TestData.bytes(memory));
  }

  @Test
  void compare_tellsEqualFromDifferent() throws IOException {
    DeviceTraits.assumeSupport(device, device.controller().supportsCompare(), "Compare");
    byte[] data = TestData.random(2, 20 * block);
    MemorySegment memory = MemorySegment.ofArray(data);
    handle.write(memory, 0);
    assertThat(handle.compare(memory, 0)).isTrue();
    data[20 * block - 1] ^= 1;
    assertThat(handle.compare(memory, 0)).isFalse();
    data[20 * block - 1] ^= 1;
    assertThat(handle.compare(memory, block)).isFalse();
  }

  @Test
  void writeZeroesAndDiscard_clearTheRangeOnly() throws IOException {
    MemorySegment ones = MemorySegment.ofArray(new byte[64 * block]).fill((byte) 1);
    MemorySegment read = MemorySegment.ofArray(new byte[64 * block]);
    handle.write(ones, 0);
    handle.writeZeroes(3L * block, 10L * block);
    handle.discard(20L * block, 30L * block);
    handle.read(read, 0);
    byte[] expected = TestData.bytes(ones);
    byte[] bytes = TestData.bytes(read);
    Arrays.fill(expected, 3 * block, 13 * block, (byte) 0);
    byte[] before = Arrays.copyOfRange(expected, 20 * block, 50 * block);
    byte[] discarded = Arrays.copyOfRange(bytes, 20 * block, 50 * block);
    DeviceTraits.assertDeallocated(device, before, discarded);
    System.arraycopy(discarded, 0, expected, 20 * block, discarded.length);
    assertThat(bytes).isEqualTo(expected);
    handle.writeZeroes(0, Math.min(device.sizeBytes(), MOST_BYTES));
    handle.read(read, 0);
    assertThat(TestData.bytes(read)).containsOnly(0);
    handle.write(ones, 0);
    handle.discard(0, device.sizeBytes());
    handle.read(read, 0);
    DeviceTraits.assertDeallocated(device, TestData.bytes(ones), TestData.bytes(read));
  }

  @Test
  void uncorrectableBlock_isAnExceptionUntilItIsWritten() throws IOException {
    DeviceTraits.assumeWriteUncorrectable(device);
    MemorySegment memory = MemorySegment.ofArray(new byte[8 * block]);
    handle.write(memory, 0);
    handle.writeUncorrectable(5L * block, block);
    assertThatThrownBy(() -> handle.read(memory, 0))
        .isInstanceOfSatisfying(
            NvmeException.class,
            e -> {
              assertThat(Status.codes(e.status())).isEqualTo(Status.UNRECOVERED_READ_ERROR);
              assertThat(e.statusCodeType()).isEqualTo(2);
              assertThat(e.statusCode()).isEqualTo(0x81);
              assertThat(e.statusName()).isEqualTo("Unrecovered Read Error");
            })
        .hasMessageContaining("Read of " + 8 * block + " bytes at 0");
    assertThatThrownBy(() -> handle.verify(0, 8L * block)).isInstanceOf(NvmeException.class);
    handle.read(memory.asSlice(0, 5L * block), 0);
    handle.write(memory.asSlice(0, block), 5L * block);
    handle.read(memory, 0);
    if (device.controller().supportsVerify()) {
      handle.verify(0, 8L * block);
    }
  }

  @Test
  void forceUnitAccess_writesWhatIsReadBack() throws IOException {
    try (NvmeHandle fua = queue.createHandle(HandleOption.FORCE_UNIT_ACCESS)) {
      byte[] data = TestData.random(3, 4 * block);
      fua.write(MemorySegment.ofArray(data), 0);
      fua.writeZeroes(block, block);
      fua.flush();
      MemorySegment read = MemorySegment.ofArray(new byte[4 * block]);
      handle.read(read, 0);
      assertThat(TestData.bytes(read.asSlice(0, block))).isEqualTo(Arrays.copyOf(data, block));
      assertThat(TestData.bytes(read.asSlice(block, block))).containsOnly(0);
    }
  }

  @Test
  void interruptedThread_stillDoesItsIo() throws IOException {
    Thread.currentThread().interrupt();
    try {
      byte[] data = TestData.random(4, 4 * block);
      handle.write(MemorySegment.ofArray(data), 0);
      MemorySegment read = MemorySegment.ofArray(new byte[4 * block]);
      handle.read(read, 0);
      handle.flush();
      assertThat(TestData.bytes(read)).isEqualTo(data);
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }
}
