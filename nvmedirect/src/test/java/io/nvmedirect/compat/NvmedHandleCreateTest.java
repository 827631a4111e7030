package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.HANDLE_MQ;
import static io.nvmedirect.compat.LibNvmed.QUEUE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.SEEK_CUR;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_create;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_get;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedHandleCreateTest extends Fixture {

  NvmedHandleCreateTest(String address) {
    super(address);
  }

  @Test
  void create_anyFlags_givesAHandleWithThem() {
    NVMED_QUEUE queue = queue(QUEUE_INTERRUPT);
    for (int flags = 0; flags < 32; flags++) {
      if ((flags & HANDLE_MQ) != 0) {
        continue;
      }
      NVMED_HANDLE handle = handle(queue, flags);
      for (int flag = 1; flag < 32; flag <<= 1) {
        assertThat(nvmed_handle_feature_get(handle, flag)).isEqualTo((flags & flag) != 0 ? 1 : 0);
      }
      byte[] data = random(flags, block);
      assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), block, block)).isEqualTo(block);
      assertThat(onDevice(handle, block, block)).isEqualTo(data);
      assertThat(nvmed_flush(handle)).isZero();
    }
  }

  @Test
  void create_interruptOnAQueueWithout_isNullAndLeavesNoHandle() {
    NVMED_QUEUE queue = queue(0);
    assertThat(nvmed_handle_create(queue, DIRECT | HANDLE_INTERRUPT)).isNull();
    assertThat(nvmed_last_error()).isNotNull();
    assertThat(nvmed_queue_destroy(queue)).isZero();
  }

  @Test
  void create_unknownFlags_isNull() {
    NVMED_QUEUE queue = queue(0);
    for (int flags : new int[] {HANDLE_MQ, 32, -1}) {
      assertThat(nvmed_handle_create(queue, flags)).isNull();
    }
  }

  @Test
  void create_onNull_isNull() {
    assertThat(nvmed_handle_create(null, 0)).isNull();
  }

  @Test
  void create_several_eachHasItsPosition() {
    NVMED_QUEUE queue = queue(0);
    NVMED_HANDLE first = handle(queue, DIRECT);
    NVMED_HANDLE second = handle(queue, DIRECT);
    assertThat(nvmed_lseek(first, 4L * block, SEEK_SET)).isEqualTo(4L * block);
    assertThat(nvmed_lseek(second, 0, SEEK_CUR)).isZero();
  }
}
