package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_write;
import static io.nvmedirect.compat.LibNvmed.nvmed_close;
import static io.nvmedirect.compat.LibNvmed.nvmed_get_buffer;
import static io.nvmedirect.compat.LibNvmed.nvmed_put_buffer;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.DeviceAddresses;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD})
class NvmedPutBufferTest extends Fixture {

  NvmedPutBufferTest(String address) {
    super(address);
  }

  @Test
  void put_null_doesNothing() {
    nvmed_put_buffer(null);
    nvmed_put_buffer(MemorySegment.NULL);
  }

  @Test
  void put_freesTheMemory() {
    MemorySegment buffer = present(nvmed_get_buffer(nvmed, 1));
    nvmed_put_buffer(buffer);
    assertThat(buffer.scope().isAlive()).isFalse();
  }

  @Test
  void put_twice_isRefused() {
    MemorySegment buffer = present(nvmed_get_buffer(nvmed, 1));
    nvmed_put_buffer(buffer);
    assertThatThrownBy(() -> nvmed_put_buffer(buffer)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void put_staleMemory_doesNotFreeTheBufferThatHasItsAddressNow() {
    MemorySegment stale = present(nvmed_get_buffer(nvmed, 1));
    nvmed_put_buffer(stale);
    List<MemorySegment> later = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      later.add(present(nvmed_get_buffer(nvmed, 1)));
    }
    assertThatThrownBy(() -> nvmed_put_buffer(stale)).isInstanceOf(IllegalArgumentException.class);
    later.forEach(LibNvmed::nvmed_put_buffer);
  }

  @Test
  void put_otherMemory_isRefused() {
    MemorySegment buffer = buffer(8192);
    try (Arena arena = Arena.ofShared()) {
      for (MemorySegment bad :
          List.of(memory(4096), arena.allocate(4096), buffer.asSlice(4096), buffer.asSlice(1))) {
        assertThatThrownBy(() -> nvmed_put_buffer(bad))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
    buffer.fill((byte) 1);
  }

  @Test
  void put_byItsAddress_works() {
    MemorySegment buffer = present(nvmed_get_buffer(nvmed, 2));
    nvmed_put_buffer(buffer.asSlice(0, 100));
    assertThat(buffer.scope().isAlive()).isFalse();
  }

  @Test
  void put_afterItsDeviceIsClosed_works() {
    MemorySegment buffer = present(nvmed_get_buffer(nvmed, 1));
    assertThat(nvmed_close(nvmed)).isZero();
    buffer.fill((byte) 1);
    nvmed_put_buffer(buffer);
    assertThat(buffer.scope().isAlive()).isFalse();
  }

  @Test
  void put_whileACommandUsesIt_freesWhenThatEnds() {
    NVMED_HANDLE handle = manual();
    MemorySegment buffer = present(nvmed_get_buffer(nvmed, 1));
    buffer.fill((byte) 9);
    NVMED_AIO_CTX context = context(handle, buffer, 0, 4096);
    assertThat(nvmed_aio_write(context)).isZero();
    nvmed_put_buffer(buffer);
    assertThat(buffer.scope().isAlive()).isTrue();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isZero();
    assertThat(buffer.scope().isAlive()).isFalse();
    assertThat(onDevice(handle, 0, 4096)).containsOnly(9);
  }

  @Test
  void io_ofAFreedBuffer_isAFault() {
    NVMED_HANDLE handle = handle(DIRECT);
    MemorySegment buffer = present(nvmed_get_buffer(nvmed, 1));
    nvmed_put_buffer(buffer);
    assertFails(nvmed_read(handle, buffer, 4096));
    assertFails(nvmed_write(handle, buffer, 4096));
    assertFails(nvmed_aio_read(context(handle, buffer, 0, 4096)));
  }
}
