package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_LAZY_INIT;
import static io.nvmedirect.compat.LibNvmed.SEEK_CUR;
import static io.nvmedirect.compat.LibNvmed.SEEK_END;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_close;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_open;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedLseekTest extends Fixture {

  NvmedLseekTest(String address) {
    super(address);
  }

  @Test
  void set_isFromTheBeginning() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertThat(nvmed_lseek(handle, 3L * block, SEEK_SET)).isEqualTo(3L * block);
    assertThat(nvmed_lseek(handle, block, SEEK_SET)).isEqualTo(block);
    assertThat(nvmed_lseek(handle, 0, SEEK_SET)).isZero();
  }

  @Test
  void current_isFromThePosition() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertThat(nvmed_lseek(handle, 3L * block, SEEK_CUR)).isEqualTo(3L * block);
    assertThat(nvmed_lseek(handle, -block, SEEK_CUR)).isEqualTo(2L * block);
    assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(2L * block);
  }

  @Test
  void end_isTheSizeMinusTheOffset() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertThat(nvmed_lseek(handle, 0, SEEK_END)).isEqualTo(size);
    assertThat(nvmed_lseek(handle, block, SEEK_END)).isEqualTo(size - block);
    assertThat(nvmed_lseek(handle, size, SEEK_END)).isZero();
  }

  @Test
  void result_outsideOfTheDevice_isAFaultAndThePositionStays() {
    for (int flags : new int[] {DIRECT, 0}) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(nvmed_lseek(handle, 2L * block, SEEK_SET)).isEqualTo(2L * block);
      assertFails(nvmed_lseek(handle, -1, SEEK_SET));
      assertFails(nvmed_lseek(handle, -block, SEEK_SET));
      assertFails(nvmed_lseek(handle, size + block, SEEK_SET));
      assertFails(nvmed_lseek(handle, -3L * block, SEEK_CUR));
      assertFails(nvmed_lseek(handle, size - block, SEEK_CUR));
      assertFails(nvmed_lseek(handle, -block, SEEK_END));
      assertFails(nvmed_lseek(handle, size + block, SEEK_END));
      for (long extreme : new long[] {Long.MIN_VALUE, Long.MAX_VALUE}) {
        for (int whence : new int[] {SEEK_SET, SEEK_CUR, SEEK_END}) {
          assertFails(nvmed_lseek(handle, extreme, whence));
        }
      }
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(2L * block);
    }
  }

  @Test
  void size_isAPosition() {
    assertThat(nvmed_lseek(handle(DIRECT), size, SEEK_SET)).isEqualTo(size);
  }

  @Test
  void direct_notAtABlock_isAFaultAndThePositionStays() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertThat(nvmed_lseek(handle, block, SEEK_SET)).isEqualTo(block);
    assertFails(nvmed_lseek(handle, 1, SEEK_SET));
    assertFails(nvmed_lseek(handle, block / 2, SEEK_CUR));
    assertFails(nvmed_lseek(handle, 1, SEEK_END));
    assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(block);
  }

  @Test
  void buffered_anyPosition() {
    NVMED_HANDLE handle = handle(0);
    assertThat(nvmed_lseek(handle, 1, SEEK_SET)).isOne();
    assertThat(nvmed_lseek(handle, 12344, SEEK_CUR)).isEqualTo(12345);
    assertThat(nvmed_lseek(handle, 1, SEEK_END)).isEqualTo(size - 1);
  }

  @Test
  void whence_unknown_isAFault() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertFails(nvmed_lseek(handle, 0, 3));
    assertFails(nvmed_lseek(handle, 0, -1));
  }

  @Test
  void nullHandle_isAFault() {
    assertFails(nvmed_lseek(null, 0, SEEK_SET));
  }

  @Test
  @Tag("emulator")
  void offset_has64Bits() {
    NVMED large = present(nvmed_open("mem:6GiB?lba=" + block, NVMED_CACHE_LAZY_INIT));
    NVMED_QUEUE queue = queue(large, 0);
    NVMED_HANDLE handle = handle(queue, DIRECT);
    long far = 5L << 30;
    assertThat(nvmed_lseek(handle, far, SEEK_SET)).isEqualTo(far);
    byte[] data = random(1, block);
    assertThat(nvmed_write(handle, MemorySegment.ofArray(data), block)).isEqualTo(block);
    assertThat(onDevice(handle, far, block)).isEqualTo(data);
    assertThat(nvmed_lseek(handle, 0, SEEK_END)).isEqualTo(6L << 30);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_close(large)).isZero();
  }
}
