package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.nvmed_discard;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.DeviceTraits;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedDiscardTest extends Fixture {

  NvmedDiscardTest(String address) {
    super(address);
  }

  /** The blocks had all one value before. */
  private void assertDiscarded(NVMED_HANDLE handle, long position, long length, int before) {
    byte[] filled = bytes(memory(length).fill((byte) before));
    DeviceTraits.assertDeallocated(object(nvmed), filled, onDevice(handle, position, length));
  }

  @Test
  void discard_clearsTheRangeOnly() {
    NVMED_HANDLE handle = handle(DIRECT);
    fill(handle, 0, 10L * block, 1);
    assertThat(nvmed_discard(handle, 2L * block, 3L * block)).isZero();
    assertThat(onDevice(handle, 0, 2L * block)).containsOnly(1);
    assertDiscarded(handle, 2L * block, 3L * block, 1);
    assertThat(onDevice(handle, 5L * block, 5L * block)).containsOnly(1);
  }

  @Test
  void discard_ofNothing_isZero() {
    assertThat(nvmed_discard(handle(DIRECT), 0, 0)).isZero();
    assertThat(nvmed_discard(handle(DIRECT), size, 0)).isZero();
  }

  @Test
  void discard_ofTheWholeDevice_isZero() {
    assertThat(nvmed_discard(handle(DIRECT), 0, size)).isZero();
  }

  @Test
  void discard_misalignedOrOutOfRange_isAFaultAndNothingHappens() {
    for (int flags : new int[] {DIRECT, 0}) {
      NVMED_HANDLE handle = handle(flags);
      fill(handle, 0, 4L * block, 1);
      assertFails(nvmed_discard(handle, 1, block));
      assertFails(nvmed_discard(handle, 0, block - 1));
      assertFails(nvmed_discard(handle, -block, 2L * block));
      assertFails(nvmed_discard(handle, 0, -block));
      assertFails(nvmed_discard(handle, 0, size + block));
      assertFails(nvmed_discard(handle, size, block));
      assertFails(nvmed_discard(handle, block, Long.MAX_VALUE - block + 1));
      assertFails(nvmed_discard(null, 0, block));
      assertThat(onDevice(handle, 0, 4L * block)).containsOnly(1);
    }
  }

  @Test
  void discard_dropsWhatTheCacheHas() {
    NVMED_HANDLE handle = handle(0);
    assertThat(nvmed_pwrite(handle, memory(16L * block).fill((byte) 1), 16L * block, 0))
        .isEqualTo(16L * block);
    assertThat(nvmed_discard(handle, 8L * block, 8L * block)).isZero();
    assertThat(onDevice(handle, 0, 8L * block)).containsOnly(1);
    assertDiscarded(handle, 8L * block, 8L * block, 1);
    assertThat(nvmed_flush(handle)).isZero();
    NVMED_HANDLE direct = handle(DIRECT);
    assertThat(onDevice(direct, 0, 8L * block)).containsOnly(1);
    assertDiscarded(direct, 8L * block, 8L * block, 1);
  }

  @Test
  void discard_afterAWriteThatIsOnItsWay_clears() {
    NVMED_HANDLE handle = handle(HANDLE_DIRECT_IO);
    MemorySegment buffer = buffer(block);
    buffer.fill((byte) 1);
    assertThat(nvmed_write(handle, buffer, block)).isEqualTo(block);
    assertThat(nvmed_discard(handle, 0, block)).isZero();
    assertDiscarded(handle, 0, block, 1);
  }

  @Test
  @Tag("emulator")
  void discard_thatTheDeviceRefuses_isAFault() throws IOException {
    AtomicInteger faults = new AtomicInteger(1);
    NVMED device =
        faulty(Opcode.DATASET_MANAGEMENT, Status.INTERNAL_ERROR, faults, DeviceOptions.defaults());
    NVMED_HANDLE handle = handle(queue(device, 0), DIRECT);
    assertFails(nvmed_discard(handle, 0, block));
    assertThat(nvmed_discard(handle, 0, block)).isZero();
  }
}
