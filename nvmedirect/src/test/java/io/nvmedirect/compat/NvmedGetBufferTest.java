package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_HINT_DMEM;
import static io.nvmedirect.compat.LibNvmed.nvmed_get_buffer;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_put_buffer;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedGetBufferTest extends Fixture {

  NvmedGetBufferTest(String address) {
    super(address);
  }

  @Test
  void get_givesZeroedPages() {
    for (int pages : new int[] {1, 2, 3, 1000}) {
      MemorySegment buffer = present(nvmed_get_buffer(nvmed, pages));
      assertThat(buffer.byteSize()).isEqualTo(4096L * pages);
      assertThat(buffer.address() % 4096).isZero();
      assertZero(buffer);
      nvmed_put_buffer(buffer);
    }
  }

  @Test
  void get_noPages_isNull() {
    for (int pages : new int[] {0, -1, Integer.MIN_VALUE}) {
      assertThat(nvmed_get_buffer(nvmed, pages)).isNull();
      assertThat(nvmed_last_error()).isNotNull();
    }
  }

  @Test
  void get_onNull_isNull() {
    assertThat(nvmed_get_buffer(null, 1)).isNull();
  }

  @Test
  void buffer_isUsedWithoutACopy() throws IOException {
    MemorySegment buffer = buffer(4L * block);
    assertZero(buffer);
    NVMED_HANDLE handle = handle(DIRECT | HANDLE_HINT_DMEM);
    byte[] data = random(1, block);
    assertThat(nvmed_write(handle, MemorySegment.ofArray(data), block)).isEqualTo(block);
    MemorySegment part = buffer.asSlice(block, block);
    assertThat(nvmed_pread(handle, part, block, 0)).isEqualTo(block);
    assertThat(bytes(part)).isEqualTo(data);
    assertZero(buffer.asSlice(0, block));
    assertZero(buffer.asSlice(2L * block, block));
  }

  @Test
  void buffer_ofAnotherDevice_works() {
    MemorySegment foreign = present(nvmed_get_buffer(other(), 2));
    NVMED_HANDLE handle = handle(DIRECT);
    foreign.fill((byte) 3);
    assertThat(nvmed_write(handle, foreign, block)).isEqualTo(block);
    assertThat(onDevice(handle, 0, block)).containsOnly(3);
    nvmed_put_buffer(foreign);
  }

  /** At once: AssertJ looks at each of some million bytes as an object. */
  private static void assertZero(MemorySegment memory) {
    MemorySegment zeroes = MemorySegment.ofArray(new byte[(int) memory.byteSize()]);
    assertThat(memory.mismatch(zeroes)).as("first byte that is not 0").isEqualTo(-1);
  }
}
