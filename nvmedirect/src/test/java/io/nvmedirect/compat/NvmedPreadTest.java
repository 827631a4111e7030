package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceTraits;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedPreadTest extends PositionedTransferCases {

  NvmedPreadTest(String address) {
    super(address);
  }

  @Override
  long transfer(
      @Nullable NVMED_HANDLE handle, @Nullable MemorySegment memory, long count, long position) {
    return nvmed_pread(handle, memory, count, position);
  }

  @Test
  void pread_givesTheDataAtTheOffset() {
    byte[] data = random(1, 64L * block);
    assertThat(nvmed_pwrite(handle(DIRECT), MemorySegment.ofArray(data), data.length, 0))
        .isEqualTo(data.length);
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      for (int at : new int[] {60, 0, 1, 33}) {
        MemorySegment memory = memory(4L * block);
        assertThat(nvmed_pread(handle, memory, 4L * block, (long) at * block))
            .isEqualTo(4L * block);
        assertThat(bytes(memory)).isEqualTo(Arrays.copyOfRange(data, at * block, (at + 4) * block));
      }
    }
  }

  @Test
  void end_ofTheDevice_isZero() {
    for (int flags : ALL) {
      assertThat(nvmed_pread(handle(flags), memory(block), block, size)).isZero();
    }
  }

  @Test
  void across_theEnd_isShort() {
    fill(handle(DIRECT), size - block, block, 3);
    for (int flags : ALL) {
      MemorySegment memory = memory(5L * block).fill((byte) 6);
      assertThat(nvmed_pread(handle(flags), memory, 5L * block, size - block)).isEqualTo(block);
      assertThat(bytes(memory.asSlice(0, block))).containsOnly(3);
      assertThat(bytes(memory.asSlice(block))).containsOnly(6);
    }
  }

  @Test
  void direct_misaligned_isAFaultAndNothingHappens() {
    for (int flags : new int[] {DIRECT, HANDLE_DIRECT_IO}) {
      NVMED_HANDLE handle = handle(flags);
      MemorySegment memory = memory(2L * block).fill((byte) 4);
      assertFails(nvmed_pread(handle, memory, block - 1, 0));
      assertFails(nvmed_pread(handle, memory, block, 1));
      assertFails(nvmed_pread(handle, memory, block + 1, size - block));
      assertThat(bytes(memory)).containsOnly(4);
    }
  }

  @Test
  void deviceError_isAFault() throws IOException {
    DeviceTraits.assumeWriteUncorrectable(object(nvmed));
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      handle.handle().writeUncorrectable(4L * block, block);
      assertFails(nvmed_pread(handle, memory(block), block, 4L * block));
      fill(handle, 4L * block, block, 0);
      assertThat(present(nvmed_last_error()).statusName()).isEqualTo("Unrecovered Read Error");
    }
  }
}
