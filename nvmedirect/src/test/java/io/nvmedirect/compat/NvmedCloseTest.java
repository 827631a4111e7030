package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_SIZE;
import static io.nvmedirect.compat.LibNvmed.nvmed_close;
import static io.nvmedirect.compat.LibNvmed.nvmed_feature_get;
import static io.nvmedirect.compat.LibNvmed.nvmed_feature_set;
import static io.nvmedirect.compat.LibNvmed.nvmed_get_buffer;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_open;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_create;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.DeviceTraits;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedCloseTest extends Fixture {

  NvmedCloseTest(String address) {
    super(address);
  }

  @Test
  void close_isZeroOnce() {
    assertThat(nvmed_close(nvmed)).isZero();
    assertThat(nvmed_close(nvmed)).isEqualTo(-2);
  }

  @Test
  void close_null_isNoEntry() {
    assertThat(nvmed_close(null)).isEqualTo(-2);
  }

  @Test
  void close_withAQueue_isAFaultAndStaysOpen() {
    NVMED_QUEUE queue = queue(0);
    NVMED_HANDLE handle = handle(queue, DIRECT);
    assertFails(nvmed_close(nvmed));
    assertThat(onDevice(handle, 0, block)).hasSize(block);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertFails(nvmed_close(nvmed));
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_close(nvmed)).isZero();
  }

  @Test
  void close_writesWhatTheCacheHas(@TempDir Path directory) {
    String address = DeviceTraits.persistent(object(nvmed).address(), directory, "lba=" + block);
    assertThat(nvmed_close(nvmed)).isZero();
    NVMED first = present(nvmed_open(address, 0));
    byte[] data = random(block, 10_000);
    NVMED_QUEUE queue = queue(first, 0);
    NVMED_HANDLE handle = handle(queue, 0);
    fill(handle, 0, 12_288, 1);
    assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, 333))
        .isEqualTo(10_000);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_close(first)).isZero();
    NVMED second = present(nvmed_open(address, 0));
    queue = queue(second, 0);
    handle = handle(queue, 0);
    assertThat(onDevice(handle, 333, data.length)).isEqualTo(data);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_close(second)).isZero();
  }

  @Test
  @Tag("emulator")
  void close_thatCannotWriteTheCache_isAFaultAndStaysOpen() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    NVMED device = faulty(Opcode.WRITE, Status.INTERNAL_ERROR, faults, DeviceOptions.defaults());
    NVMED_QUEUE queue = queue(device, 0);
    NVMED_HANDLE handle = handle(queue, 0);
    byte[] data = random(2, block);
    assertThat(nvmed_write(handle, MemorySegment.ofArray(data), block)).isEqualTo(block);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(nvmed_queue_destroy(queue)).isZero();
    faults.set(1000);
    assertFails(nvmed_close(device));
    faults.set(0);
    assertThat(onDevice(handle(queue(device, 0), DIRECT), 0, block)).isEqualTo(data);
  }

  @Test
  void calls_onAClosedDevice_fail() {
    assertThat(nvmed_close(nvmed)).isZero();
    assertThat(nvmed_queue_create(nvmed, 0)).isNull();
    assertThat(nvmed_get_buffer(nvmed, 1)).isNull();
    assertFails(nvmed_feature_get(nvmed, NVMED_CACHE_SIZE));
    assertFails(nvmed_feature_set(nvmed, NVMED_CACHE_SIZE, 10));
  }

  @Test
  void close_byManyThreads_isZeroForOne() throws InterruptedException {
    AtomicInteger zeros = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                if (nvmed_close(nvmed) == 0) {
                  zeros.incrementAndGet();
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(zeros).hasValue(1);
  }
}
