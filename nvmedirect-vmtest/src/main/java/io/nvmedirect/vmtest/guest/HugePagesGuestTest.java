package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.linux.HugePageReserve;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vmtest.GuestDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Large buffers take reserved huge pages if there are enough of them, and are as good without. */
final class HugePagesGuestTest {

  private static final int BUFFER_BYTES = 4 << 20;

  @ParameterizedTest(name = "{0} free, {1} used")
  @CsvSource({"8, 2", "2, 2", "1, 0", "0, 0"})
  void allocate_usesThemIfThereAreEnough_andGivesThemBack(int reserved, int used)
      throws IOException {
    try (HugePageReserve _ = new HugePageReserve(reserved)) {
      try (NvmeDevice device = NvmeDevice.open(GuestDevice.PLAIN.address());
          NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        assertThat(HugePageReserve.free()).as("small memory leaves them alone").isEqualTo(reserved);
        try (DmaBuffer buffer = device.allocate(BUFFER_BYTES)) {
          assertThat(HugePageReserve.free()).isEqualTo(reserved - used);
          assertWritesAndReads(handle, buffer.segment(), reserved);
        }
        assertThat(HugePageReserve.free()).as("given back").isEqualTo(reserved);
      }
      assertThat(HugePageReserve.free()).isEqualTo(reserved);
    }
  }

  private static void assertWritesAndReads(NvmeHandle handle, MemorySegment memory, long seed)
      throws IOException {
    byte[] bytes = new byte[BUFFER_BYTES];
    new Random(seed).nextBytes(bytes);
    memory.copyFrom(MemorySegment.ofArray(bytes));
    handle.write(memory, BUFFER_BYTES);
    memory.fill((byte) 0);
    handle.read(memory, BUFFER_BYTES);
    assertThat(memory.mismatch(MemorySegment.ofArray(bytes))).isEqualTo(-1);
  }
}
