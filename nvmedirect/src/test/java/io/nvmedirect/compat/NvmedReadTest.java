package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.SEEK_CUR;
import static io.nvmedirect.compat.LibNvmed.SEEK_END;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceTraits;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedReadTest extends TransferCases {

  NvmedReadTest(String address) {
    super(address);
  }

  @Override
  long transfer(@Nullable NVMED_HANDLE handle, @Nullable MemorySegment memory, long count) {
    return nvmed_read(handle, memory, count);
  }

  @Test
  void read_givesTheCountAndMovesThePosition() {
    byte[] data = random(1, 10L * block);
    assertThat(nvmed_pwrite(handle(DIRECT), MemorySegment.ofArray(data), data.length, 0))
        .isEqualTo(data.length);
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      MemorySegment memory = memory(3L * block);
      for (int i = 0; i < 3; i++) {
        assertThat(nvmed_read(handle, memory, 3L * block)).isEqualTo(3L * block);
        assertThat(bytes(memory))
            .isEqualTo(Arrays.copyOfRange(data, 3 * i * block, 3 * (i + 1) * block));
        assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(3L * (i + 1) * block);
      }
    }
  }

  @Test
  void read_ofLessThanTheBuffer_leavesTheRestAlone() {
    fill(handle(DIRECT), 0, 3L * block, 1);
    for (int flags : ALL) {
      MemorySegment buffer = buffer(3L * block);
      buffer.fill((byte) 5);
      assertThat(nvmed_read(handle(flags), buffer, block)).isEqualTo(block);
      assertThat(bytes(buffer.asSlice(0, block))).containsOnly(1);
      assertThat(bytes(buffer.asSlice(block))).containsOnly(5);
    }
  }

  @Test
  void end_ofTheDevice_isZero() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(nvmed_lseek(handle, 0, SEEK_END)).isEqualTo(size);
      assertThat(nvmed_read(handle, memory(block), block)).isZero();
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(size);
    }
  }

  @Test
  void across_theEnd_isShort() {
    byte[] data = random(2, 2L * block);
    assertThat(
            nvmed_pwrite(
                handle(DIRECT), MemorySegment.ofArray(data), data.length, size - data.length))
        .isEqualTo(data.length);
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(nvmed_lseek(handle, 2L * block, SEEK_END)).isEqualTo(size - 2L * block);
      MemorySegment memory = memory(5L * block).fill((byte) 6);
      assertThat(nvmed_read(handle, memory, 5L * block)).isEqualTo(2L * block);
      assertThat(bytes(memory.asSlice(0, 2L * block))).isEqualTo(data);
      assertThat(bytes(memory.asSlice(2L * block))).containsOnly(6);
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(size);
    }
  }

  @Test
  void direct_misaligned_isAFaultAndNothingHappens() {
    for (int flags : new int[] {DIRECT, HANDLE_DIRECT_IO}) {
      NVMED_HANDLE handle = handle(flags);
      MemorySegment memory = memory(2L * block).fill((byte) 4);
      for (long count : new long[] {1, block - 1, block + 1, block / 2}) {
        assertFails(nvmed_read(handle, memory, count));
        assertThat(nvmed_lseek(handle, 2L * block, SEEK_SET)).isEqualTo(2L * block);
        assertThat(nvmed_lseek(handle, 0, SEEK_SET)).isZero();
      }
      // Across the end too, where what is left would be aligned.
      assertThat(nvmed_lseek(handle, block, SEEK_END)).isEqualTo(size - block);
      assertFails(nvmed_read(handle, memory, block + 1));
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(size - block);
      assertThat(bytes(memory)).containsOnly(4);
    }
  }

  @Test
  void buffered_anyCountAndPosition() {
    byte[] data = random(3, 40_000);
    NVMED_HANDLE handle = handle(0);
    assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, 0))
        .isEqualTo(data.length);
    Random random = new Random(4);
    for (int i = 0; i < rounds(200); i++) {
      int from = random.nextInt(data.length);
      int count = random.nextInt(data.length - from);
      MemorySegment memory = memory(count);
      assertThat(nvmed_lseek(handle, from, SEEK_SET)).isEqualTo(from);
      assertThat(nvmed_read(handle, memory, count)).isEqualTo(count);
      assertThat(bytes(memory)).isEqualTo(Arrays.copyOfRange(data, from, from + count));
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(from + count);
    }
  }

  @Test
  void read_intoReadOnlyMemory_isAFault() {
    for (int flags : ALL) {
      assertFails(nvmed_read(handle(flags), memory(block).asReadOnly(), block));
    }
  }

  @Test
  void deviceError_isAFaultAndThePositionStays() throws IOException {
    DeviceTraits.assumeWriteUncorrectable(object(nvmed));
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      handle.handle().writeUncorrectable(4L * block, block);
      assertFails(nvmed_read(handle, memory(8L * block), 8L * block));
      assertThat(present(nvmed_last_error()).statusName()).isEqualTo("Unrecovered Read Error");
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isZero();
      assertThat(nvmed_pwrite(handle, memory(8L * block), 8L * block, 0)).isEqualTo(8L * block);
      assertThat(nvmed_flush(handle)).isZero();
      assertThat(nvmed_read(handle, memory(8L * block), 8L * block)).isEqualTo(8L * block);
    }
  }

  @Test
  void direct_notSynchronous_returnsWithTheData() {
    NVMED_HANDLE handle = handle(queue(QUEUE_MANUAL_COMPLETION), HANDLE_DIRECT_IO);
    byte[] data = random(8, block);
    assertThat(nvmed_write(handle, MemorySegment.ofArray(data), block)).isEqualTo(block);
    assertThat(nvmed_lseek(handle, 0, SEEK_SET)).isZero();
    MemorySegment read = memory(block);
    assertThat(nvmed_read(handle, read, block)).isEqualTo(block);
    assertThat(bytes(read)).isEqualTo(data);
  }

  @Test
  void threads_onOneHandle_readEachBlockOnce() throws InterruptedException {
    int blocks = 4 * rounds(128);
    byte[] data = new byte[blocks * block];
    for (int i = 0; i < blocks; i++) {
      data[i * block] = (byte) i;
      data[i * block + 1] = (byte) (i >> 8);
    }
    NVMED_HANDLE handle = handle(DIRECT);
    assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, 0))
        .isEqualTo(data.length);
    Set<Integer> seen = ConcurrentHashMap.newKeySet();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                MemorySegment memory = memory(block);
                for (int i = 0; i < blocks / 4; i++) {
                  assertThat(nvmed_read(handle, memory, block)).isEqualTo(block);
                  byte[] read = bytes(memory);
                  seen.add((read[0] & 255) | (read[1] & 255) << 8);
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(seen).hasSize(blocks);
  }
}
