package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_LAZY_INIT;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_write;
import static io.nvmedirect.compat.LibNvmed.nvmed_close;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_open;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD, Fixture.SHADOW})
class NvmedFlushTest extends Fixture {

  NvmedFlushTest(String address) {
    super(address);
  }

  @Test
  void flush_isZero() {
    for (int flags : new int[] {DIRECT, HANDLE_DIRECT_IO, 0, HANDLE_SYNC_IO}) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(nvmed_flush(handle)).isZero();
      assertThat(nvmed_write(handle, memory(block), block)).isEqualTo(block);
      assertThat(nvmed_flush(handle)).isZero();
    }
  }

  @Test
  void flush_null_isAFault() {
    assertFails(nvmed_flush(null));
  }

  @Test
  void flush_ofAnyHandle_writesWhatTheWholeDeviceHas() throws IOException {
    NVMED_HANDLE writer = handle(0);
    NVMED_HANDLE other = handle(DIRECT);
    long written = object(nvmed).smart().hostWriteCommands().longValue();
    assertThat(nvmed_write(writer, memory(100), 100)).isEqualTo(100);
    assertThat(nvmed_flush(other)).isZero();
    assertThat(object(nvmed).smart().hostWriteCommands().longValue()).isGreaterThan(written);
  }

  @Test
  void flush_waitsForAsynchronousWrites() {
    NVMED_HANDLE handle = manual();
    MemorySegment buffer = buffer(block);
    buffer.fill((byte) 8);
    NVMED_AIO_CTX context = context(handle, buffer, 0, block);
    assertThat(nvmed_aio_write(context)).isZero();
    assertThat(nvmed_flush(handle)).isZero();
    assertThat(onDevice(handle(DIRECT), 0, block)).containsOnly(8);
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
  }

  @Test
  @Tag("emulator")
  void flush_afterAFailedCacheWrite_isAFaultUntilItSucceeds() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    NVMED device = faulty(Opcode.WRITE, Status.WRITE_FAULT, faults, DeviceOptions.defaults());
    NVMED_QUEUE queue = queue(device, 0);
    NVMED_HANDLE handle = handle(queue, 0);
    byte[] data = random(1, 100);
    assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), 100, 0)).isEqualTo(100);
    faults.set(1000);
    assertFails(nvmed_flush(handle));
    assertFails(nvmed_flush(handle));
    faults.set(0);
    assertThat(nvmed_flush(handle)).isZero();
    assertThat(Arrays.copyOf(onDevice(handle(queue, DIRECT), 0, block), 100)).isEqualTo(data);
  }

  @Test
  @Tag("emulator")
  void flush_afterAFailedWriteBehind_isAFaultOnce() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    NVMED device = faulty(Opcode.WRITE, Status.WRITE_FAULT, faults, DeviceOptions.defaults());
    NVMED_HANDLE handle = handle(queue(device, 0), HANDLE_DIRECT_IO);
    assertThat(nvmed_write(handle, memory(block), block)).isEqualTo(block);
    faults.set(1);
    assertThat(nvmed_write(handle, memory(block), block)).isEqualTo(block);
    assertThat(nvmed_write(handle, memory(block), block)).isEqualTo(block);
    // A read of the range waits for the write, and does not take its error away.
    assertThat(nvmed_pread(handle, memory(block), block, block)).isEqualTo(block);
    assertFails(nvmed_flush(handle));
    assertThat(nvmed_flush(handle)).isZero();
  }

  @Test
  @Tag("emulator")
  void flush_thatTheDeviceRefuses_isAFault() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    NVMED device = faulty(Opcode.FLUSH, Status.INTERNAL_ERROR, faults, DeviceOptions.defaults());
    NVMED_HANDLE handle = handle(queue(device, 0), DIRECT);
    faults.set(1);
    assertFails(nvmed_flush(handle));
    assertThat(nvmed_flush(handle)).isZero();
  }

  @Test
  @Tag("emulator")
  void flushed_data_isInTheFile(@TempDir Path directory) throws IOException {
    Path image = directory.resolve("image");
    NVMED device =
        present(
            nvmed_open("file:%s?size=4MiB&lba=%d".formatted(image, block), NVMED_CACHE_LAZY_INIT));
    NVMED_QUEUE queue = queue(device, 0);
    int at = 0;
    for (int flags : new int[] {DIRECT, HANDLE_DIRECT_IO, 0, HANDLE_SYNC_IO}) {
      NVMED_HANDLE handle = handle(queue, flags);
      byte[] data = random(flags, 3L * block);
      assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, at))
          .isEqualTo(data.length);
      assertThat(nvmed_flush(handle)).isZero();
      byte[] file = java.nio.file.Files.readAllBytes(image);
      assertThat(Arrays.copyOfRange(file, at, at + data.length)).isEqualTo(data);
      at += data.length;
      assertThat(nvmed_handle_destroy(handle)).isZero();
    }
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_close(device)).isZero();
  }
}
