package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_HINT_DMEM;
import static io.nvmedirect.compat.LibNvmed.HANDLE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.HANDLE_MQ;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.QUEUE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_get;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_set;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.HandleOption;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedHandleFeatureSetTest extends Fixture {

  NvmedHandleFeatureSetTest(String address) {
    super(address);
  }

  private static final int[] SETTABLE = {HANDLE_DIRECT_IO, HANDLE_SYNC_IO, HANDLE_HINT_DMEM};

  @Test
  void set_givesTheResultingValue() {
    NVMED_HANDLE handle = handle(0);
    for (int flag : SETTABLE) {
      assertThat(nvmed_handle_feature_set(handle, flag, true)).isOne();
      assertThat(nvmed_handle_feature_get(handle, flag)).isOne();
      assertThat(nvmed_handle_feature_set(handle, flag, false)).isZero();
      assertThat(nvmed_handle_feature_get(handle, flag)).isZero();
    }
  }

  @Test
  void set_changesNoOtherFlag() {
    NVMED_QUEUE queue = queue(0);
    for (int before = 0; before < 8; before++) {
      for (int flag : SETTABLE) {
        for (boolean value : new boolean[] {true, false}) {
          NVMED_HANDLE handle = handle(queue, before);
          nvmed_handle_feature_set(handle, flag, value);
          for (int other : SETTABLE) {
            int expected = other == flag ? (value ? 1 : 0) : (before & other) != 0 ? 1 : 0;
            assertThat(nvmed_handle_feature_get(handle, other)).isEqualTo(expected);
          }
        }
      }
    }
  }

  @Test
  void interrupt_onAQueueWithout_staysOff() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertThat(nvmed_handle_feature_set(handle, HANDLE_INTERRUPT, true)).isZero();
    assertThat(nvmed_last_error()).isNotNull();
    assertThat(nvmed_handle_feature_get(handle, HANDLE_INTERRUPT)).isZero();
    assertThat(nvmed_read(handle, memory(block), block)).isEqualTo(block);
  }

  @Test
  void interrupt_onAQueueWith_takesEffect() {
    NVMED_HANDLE handle = handle(queue(QUEUE_INTERRUPT), DIRECT);
    assertThat(nvmed_handle_feature_set(handle, HANDLE_INTERRUPT, true)).isOne();
    assertThat(handle.handle().options()).contains(HandleOption.INTERRUPT);
    assertThat(nvmed_read(handle, memory(block), block)).isEqualTo(block);
    assertThat(nvmed_handle_feature_set(handle, HANDLE_INTERRUPT, false)).isZero();
    assertThat(handle.handle().options()).doesNotContain(HandleOption.INTERRUPT);
  }

  @Test
  void unknownFlag_changesNothing() {
    NVMED_HANDLE handle = handle(DIRECT);
    for (int flag : new int[] {0, 32, -1, DIRECT, 1 << 31}) {
      assertThat(nvmed_handle_feature_set(handle, flag, true)).as("flag %d", flag).isZero();
      assertThat(nvmed_handle_feature_set(handle, flag, false)).as("flag %d", flag).isZero();
    }
    assertThat(nvmed_handle_feature_get(handle, HANDLE_DIRECT_IO)).isOne();
    assertThat(nvmed_handle_feature_get(handle, HANDLE_SYNC_IO)).isOne();
  }

  @Test
  void multiQueueFlag_stays() {
    NVMED_QUEUE queue = queue(0);
    NVMED_HANDLE plain = handle(queue, DIRECT);
    assertThat(nvmed_handle_feature_set(plain, HANDLE_MQ, true)).isZero();
    NVMED_HANDLE several = handle(new NVMED_QUEUE[] {queue}, DIRECT, (h, o, p, l) -> queue);
    assertThat(nvmed_handle_feature_set(several, HANDLE_MQ, false)).isOne();
  }

  @Test
  void nullHandle_isAFault() {
    assertFails(nvmed_handle_feature_set(null, HANDLE_DIRECT_IO, true));
  }

  @Test
  void directIo_takesEffectOnTheNextCall() {
    NVMED_HANDLE handle = handle(DIRECT);
    byte[] data = random(1, 100);
    MemorySegment memory = MemorySegment.ofArray(data);
    assertFails(nvmed_pwrite(handle, memory, 100, 50));
    nvmed_handle_feature_set(handle, HANDLE_DIRECT_IO, false);
    assertThat(nvmed_pwrite(handle, memory, 100, 50)).isEqualTo(100);
    nvmed_handle_feature_set(handle, HANDLE_DIRECT_IO, true);
    assertFails(nvmed_pread(handle, memory, 100, 50));
    assertThat(Arrays.copyOfRange(onDevice(handle, 0, block), 50, 150)).isEqualTo(data);
  }

  @Test
  void directIo_atAPositionWithinABlock_fails() {
    NVMED_HANDLE handle = handle(0);
    assertThat(nvmed_lseek(handle, 100, SEEK_SET)).isEqualTo(100);
    nvmed_handle_feature_set(handle, HANDLE_DIRECT_IO, true);
    assertFails(nvmed_read(handle, memory(block), block));
    assertFails(nvmed_write(handle, memory(block), block));
    assertThat(nvmed_lseek(handle, 0, SEEK_SET)).isZero();
    assertThat(nvmed_read(handle, memory(block), block)).isEqualTo(block);
  }

  @Test
  void toggling_inAnyOrder_losesNoWrite() {
    NVMED_HANDLE handle = handle(0);
    byte[] expected = onDevice(handle, 0, 64L * block);
    Random random = new Random(7);
    for (int i = 0; i < rounds(400); i++) {
      nvmed_handle_feature_set(handle, SETTABLE[random.nextInt(3)], random.nextBoolean());
      int at = random.nextInt(60) * block;
      byte[] data = random(i, 4L * block);
      assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, at))
          .isEqualTo(data.length);
      System.arraycopy(data, 0, expected, at, data.length);
      if (random.nextInt(4) == 0) {
        nvmed_handle_feature_set(handle, SETTABLE[random.nextInt(3)], random.nextBoolean());
        assertThat(onDevice(handle, 0, expected.length)).isEqualTo(expected);
      }
    }
    assertThat(nvmed_flush(handle)).isZero();
    assertThat(onDevice(handle(DIRECT), 0, expected.length)).isEqualTo(expected);
  }
}
