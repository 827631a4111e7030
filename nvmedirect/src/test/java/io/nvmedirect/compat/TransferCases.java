package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.SEEK_CUR;
import static io.nvmedirect.compat.LibNvmed.SEEK_END;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What nvmed_read and nvmed_write have in common. */
abstract class TransferCases extends Fixture {

  TransferCases(String address) {
    super(address);
  }

  abstract long transfer(@Nullable NVMED_HANDLE handle, @Nullable MemorySegment memory, long count);

  @Test
  void count_zero_isZero() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertThat(transfer(handle, memory(0), 0)).isZero();
      assertThat(transfer(handle, memory(10), 0)).isZero();
      assertThat(nvmed_lseek(handle, 0, SEEK_END)).isEqualTo(size);
      assertThat(transfer(handle, memory(10), 0)).isZero();
    }
  }

  @Test
  void arguments_bad_areAFaultAndThePositionStays() {
    for (int flags : ALL) {
      NVMED_HANDLE handle = handle(flags);
      assertFails(transfer(null, memory(block), block));
      assertFails(transfer(handle, null, block));
      assertFails(transfer(handle, null, 0));
      assertFails(transfer(handle, MemorySegment.NULL, block));
      assertFails(transfer(handle, memory(block), -1));
      assertFails(transfer(handle, memory(block), -block));
      assertFails(transfer(handle, memory(block), 2L * block));
      assertFails(transfer(handle, memory(block), Long.MAX_VALUE));
      assertFails(transfer(handle, memory(block), Long.MIN_VALUE));
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isZero();
    }
  }

  @Test
  void otherThreadsMemory_isAFault() throws InterruptedException {
    try (Arena confined = Arena.ofConfined()) {
      MemorySegment memory = confined.allocate(block);
      AtomicLong result = new AtomicLong();
      for (int flags : new int[] {DIRECT, 0}) {
        NVMED_HANDLE handle = handle(flags);
        result.set(0);
        Thread.ofPlatform().start(() -> result.set(transfer(handle, memory, block))).join();
        assertThat(result).hasValue(-1);
      }
    }
  }
}
