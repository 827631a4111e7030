package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.SEEK_CUR;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What nvmed_pread and nvmed_pwrite have in common. */
abstract class PositionedTransferCases extends Fixture {

  PositionedTransferCases(String address) {
    super(address);
  }

  abstract long transfer(
      @Nullable NVMED_HANDLE handle, @Nullable MemorySegment memory, long count, long position);

  @Test
  void count_zero_isZero() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(transfer(handle, memory(0), 0, 0)).isZero();
      assertThat(transfer(handle, memory(10), 0, size)).isZero();
    }
  }

  @Test
  void arguments_bad_areAFault() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertFails(transfer(null, memory(block), block, 0));
      assertFails(transfer(handle, null, block, 0));
      assertFails(transfer(handle, memory(block), -block, 0));
      assertFails(transfer(handle, memory(block), 2L * block, 0));
      assertFails(transfer(handle, memory(block), block, -block));
      assertFails(transfer(handle, memory(block), block, size + block));
      assertFails(transfer(handle, memory(block), block, Long.MAX_VALUE - block + 1));
      assertFails(transfer(handle, memory(block), 0, -1));
      assertFails(transfer(handle, memory(block), 0, size + block));
    }
  }

  @Test
  void position_stays() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(nvmed_lseek(handle, 7L * block, SEEK_SET)).isEqualTo(7L * block);
      assertThat(transfer(handle, memory(block), block, 2L * block)).isEqualTo(block);
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isEqualTo(7L * block);
    }
  }
}
