package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedPwriteTest extends PositionedTransferCases {

  NvmedPwriteTest(String address) {
    super(address);
  }

  @Override
  long transfer(
      @Nullable NVMED_HANDLE handle, @Nullable MemorySegment memory, long count, long position) {
    return nvmed_pwrite(handle, memory, count, position);
  }

  @Test
  void pwrite_writesAtTheOffset() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      byte[] data = random(flags, 4L * block);
      for (int at : new int[] {60, 0, 33}) {
        assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), 4L * block, (long) at * block))
            .isEqualTo(4L * block);
        assertThat(onDevice(handle, (long) at * block, 4L * block)).isEqualTo(data);
      }
    }
  }

  @Test
  void end_ofTheDevice_isAFault() {
    for (int flags : ALL) {
      assertFails(nvmed_pwrite(handle(flags), memory(block), block, size));
    }
  }

  @Test
  void across_theEnd_isShort() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      byte[] data = random(flags, 5L * block);
      assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, size - block))
          .isEqualTo(block);
      assertThat(onDevice(handle, size - block, block)).isEqualTo(Arrays.copyOf(data, block));
    }
  }

  @Test
  void direct_misaligned_isAFaultAndNothingHappens() {
    for (int flags : new int[] {DIRECT, HANDLE_DIRECT_IO}) {
      NVMED_HANDLE handle = handle(flags);
      MemorySegment memory = memory(2L * block).fill((byte) 4);
      fill(handle, 0, 4L * block, 1);
      fill(handle, size - block, block, 1);
      assertFails(nvmed_pwrite(handle, memory, block - 1, 0));
      assertFails(nvmed_pwrite(handle, memory, block, 1));
      assertFails(nvmed_pwrite(handle, memory, block + 1, size - block));
      assertThat(nvmed_flush(handle)).isZero();
      assertThat(onDevice(handle, 0, 4L * block)).containsOnly(1);
      assertThat(onDevice(handle, size - block, block)).containsOnly(1);
    }
  }

  @Test
  @Tag("emulator")
  void deviceError_isAFault() throws IOException {
    AtomicInteger faults = new AtomicInteger();
    NVMED device = faulty(Opcode.WRITE, Status.WRITE_FAULT, faults, DeviceOptions.defaults());
    NVMED_QUEUE queue = queue(device, 0);
    for (int flags : new int[] {DIRECT, HANDLE_SYNC_IO}) {
      faults.set(1);
      assertFails(nvmed_pwrite(handle(queue, flags), memory(block), block, block));
    }
  }
}
