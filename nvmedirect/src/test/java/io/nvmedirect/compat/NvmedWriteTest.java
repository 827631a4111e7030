package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.SEEK_CUR;
import static io.nvmedirect.compat.LibNvmed.SEEK_END;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedWriteTest extends TransferCases {

  NvmedWriteTest(String address) {
    super(address);
  }

  @Override
  long transfer(@Nullable NVMED_HANDLE handle, @Nullable MemorySegment memory, long count) {
    return nvmed_write(handle, memory, count);
  }

  @Test
  void write_givesTheCountAndMovesThePosition() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      byte[] data = random(flags, 9L * block);
      for (int i = 0; i < 3; i++) {
        MemorySegment part = MemorySegment.ofArray(data).asSlice(3L * i * block, 3L * block);
        assertThat(nvmed_write(handle, part, 3L * block)).isEqualTo(3L * block);
        assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(3L * (i + 1) * block);
      }
      assertThat(nvmed_flush(handle)).isZero();
      assertThat(onDevice(handle(DIRECT), 0, data.length)).isEqualTo(data);
    }
  }

  @Test
  void write_ofLessThanTheBuffer_writesNoMore() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      fill(handle, 0, 4L * block, 1);
      MemorySegment buffer = buffer(3L * block);
      buffer.fill((byte) 5);
      assertThat(nvmed_write(handle, buffer, block)).isEqualTo(block);
      assertThat(nvmed_flush(handle)).isZero();
      assertThat(onDevice(handle(DIRECT), 0, block)).containsOnly(5);
      assertThat(onDevice(handle(DIRECT), block, 3L * block)).containsOnly(1);
    }
  }

  @Test
  void end_ofTheDevice_isAFault() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(nvmed_lseek(handle, 0, SEEK_END)).isEqualTo(size);
      assertFails(nvmed_write(handle, memory(block), block));
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(size);
    }
  }

  @Test
  void across_theEnd_isShort() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      byte[] data = random(flags, 5L * block);
      assertThat(nvmed_lseek(handle, 2L * block, SEEK_END)).isEqualTo(size - 2L * block);
      assertThat(nvmed_write(handle, MemorySegment.ofArray(data), 5L * block))
          .isEqualTo(2L * block);
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(size);
      assertThat(nvmed_flush(handle)).isZero();
      assertThat(onDevice(handle(DIRECT), size - 2L * block, 2L * block))
          .isEqualTo(Arrays.copyOf(data, 2 * block));
    }
  }

  @Test
  void direct_misaligned_isAFaultAndNothingHappens() {
    for (int flags : new int[] {DIRECT, HANDLE_DIRECT_IO}) {
      NVMED_HANDLE handle = handle(flags);
      fill(handle, 0, 4L * block, 1);
      fill(handle, size - block, block, 1);
      MemorySegment memory = memory(2L * block).fill((byte) 4);
      for (long count : new long[] {1, block - 1, block + 1, block / 2}) {
        assertFails(nvmed_write(handle, memory, count));
        assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isZero();
      }
      assertThat(nvmed_lseek(handle, block, SEEK_END)).isEqualTo(size - block);
      assertFails(nvmed_write(handle, memory, block + 1));
      assertThat(nvmed_flush(handle)).isZero();
      assertThat(onDevice(handle, 0, 4L * block)).containsOnly(1);
      assertThat(onDevice(handle, size - block, block)).containsOnly(1);
    }
  }

  @Test
  void buffered_anyCountAndPosition() {
    for (int flags : new int[] {0, HANDLE_SYNC_IO}) {
      NVMED_HANDLE handle = handle(flags);
      byte[] expected = onDevice(handle, 0, 40_000);
      Random random = new Random(flags);
      for (int i = 0; i < rounds(200); i++) {
        int from = random.nextInt(expected.length);
        byte[] data = random(i, random.nextInt(expected.length - from));
        System.arraycopy(data, 0, expected, from, data.length);
        assertThat(nvmed_lseek(handle, from, SEEK_SET)).isEqualTo(from);
        assertThat(nvmed_write(handle, MemorySegment.ofArray(data), data.length))
            .isEqualTo(data.length);
      }
      MemorySegment read = memory(expected.length);
      assertThat(nvmed_pread(handle, read, expected.length, 0)).isEqualTo(expected.length);
      assertThat(bytes(read)).isEqualTo(expected);
    }
  }

  @Test
  void buffered_synchronous_isOnTheDeviceWhenItReturns() throws IOException {
    NVMED_HANDLE handle = handle(HANDLE_SYNC_IO);
    byte[] data = random(6, 1000);
    long written = object(nvmed).smart().hostWriteCommands().longValue();
    assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), 1000, 100)).isEqualTo(1000);
    assertThat(object(nvmed).smart().hostWriteCommands().longValue()).isGreaterThan(written);
  }

  @Test
  void buffered_notSynchronous_isWrittenByTheFlush() throws IOException {
    NVMED_HANDLE handle = handle(0);
    long written = object(nvmed).smart().hostWriteCommands().longValue();
    for (int i = 0; i < 100; i++) {
      assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(random(i, 10)), 10, 10L * i))
          .isEqualTo(10);
    }
    assertThat(object(nvmed).smart().hostWriteCommands().longValue()).isEqualTo(written);
    assertThat(nvmed_flush(handle)).isZero();
    assertThat(object(nvmed).smart().hostWriteCommands().longValue()).isGreaterThan(written);
  }

  @Test
  @Tag("emulator")
  void deviceError_isAFaultAndThePositionStays() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    NVMED device = faulty(Opcode.WRITE, Status.WRITE_FAULT, faults, DeviceOptions.defaults());
    NVMED_QUEUE queue = queue(device, 0);
    for (int flags : new int[] {DIRECT, HANDLE_SYNC_IO}) {
      NVMED_HANDLE handle = handle(queue, flags);
      faults.set(1);
      assertFails(nvmed_write(handle, memory(block), block));
      assertThat(Status.codes(present(nvmed_last_error()).status())).isEqualTo(Status.WRITE_FAULT);
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isZero();
      assertThat(nvmed_write(handle, memory(block), block)).isEqualTo(block);
    }
  }

  @Test
  @Tag("emulator")
  void noCache_deviceError_isAFault() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    DeviceOptions options = DeviceOptions.defaults().withoutCache();
    NVMED device = faulty(Opcode.WRITE, Status.WRITE_FAULT, faults, options);
    NVMED_HANDLE handle = handle(queue(device, 0), 0);
    faults.set(1);
    assertFails(nvmed_write(handle, memory(100), 100));
    assertThat(nvmed_write(handle, memory(100), 100)).isEqualTo(100);
  }

  @Test
  @Tag("emulator")
  void direct_notSynchronous_deviceError_isTheNextFlushs() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    NVMED device = faulty(Opcode.WRITE, Status.WRITE_FAULT, faults, DeviceOptions.defaults());
    NVMED_HANDLE handle = handle(queue(device, 0), HANDLE_DIRECT_IO);
    faults.set(1);
    assertThat(nvmed_write(handle, memory(block), block)).isEqualTo(block);
    assertFails(nvmed_flush(handle));
    assertThat(Status.codes(present(nvmed_last_error()).status())).isEqualTo(Status.WRITE_FAULT);
    assertThat(nvmed_flush(handle)).isZero();
  }

  @Test
  @Tag("emulator")
  void direct_notSynchronous_returnsBeforeTheWriteIsDone() throws IOException {
    // The command is lost, and aborted after its deadline: a write that waited would fail.
    AtomicInteger faults = new AtomicInteger(1);
    DeviceOptions options =
        DeviceOptions.defaults().withCommandTimeout(java.time.Duration.ofMillis(200));
    NVMED device = faulty(Opcode.WRITE, -1, faults, options);
    NVMED_HANDLE handle = handle(queue(device, 0), HANDLE_DIRECT_IO);
    MemorySegment buffer = buffer(block);
    assertThat(nvmed_write(handle, buffer, block)).isEqualTo(block);
    assertFails(nvmed_flush(handle));
    assertThat(nvmed_flush(handle)).isZero();
  }
}
