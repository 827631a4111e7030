package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceTraits;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD, Fixture.SHADOW})
class NvmedAioReadTest extends AioTransferCases {

  NvmedAioReadTest(String address) {
    super(address);
  }

  @Override
  int submit(@Nullable NVMED_AIO_CTX context) {
    return nvmed_aio_read(context);
  }

  @Test
  void read_bringsTheData() {
    NVMED_HANDLE handle = manual();
    byte[] data = random(1, 64L * block);
    assertThat(nvmed_write(handle, MemorySegment.ofArray(data), data.length))
        .isEqualTo(data.length);
    List<NVMED_AIO_CTX> contexts = new ArrayList<>();
    MemorySegment buffer = buffer(64L * block);
    for (int i = 0; i < 64; i++) {
      long at = (long) i * block;
      contexts.add(context(handle, buffer.asSlice(at), at, block));
      assertThat(nvmed_aio_read(contexts.get(i))).isZero();
    }
    int[] completed = new int[1];
    await(() -> (completed[0] += nvmed_aio_handle_complete(handle)) == 64);
    assertThat(contexts).allSatisfy(c -> assertThat(c.status).isEqualTo(AIO_COMPLETE));
    assertThat(contexts).allSatisfy(c -> assertThat(c.error).isZero());
    assertThat(bytes(buffer.asSlice(0, 64L * block))).isEqualTo(data);
  }

  @Test
  void read_intoAnyMemory_bringsTheData() {
    NVMED_HANDLE handle = manual();
    byte[] data = random(2, 300L * block);
    assertThat(nvmed_write(handle, MemorySegment.ofArray(data), data.length))
        .isEqualTo(data.length);
    try (Arena shared = Arena.ofShared();
        Arena confined = Arena.ofConfined()) {
      for (MemorySegment memory :
          List.of(
              memory(data.length), shared.allocate(data.length), confined.allocate(data.length))) {
        NVMED_AIO_CTX context = context(handle, memory, 0, data.length);
        assertThat(nvmed_aio_read(context)).isZero();
        completeUntil(handle, () -> context.status == AIO_COMPLETE);
        assertThat(context.error).isZero();
        assertThat(bytes(memory)).isEqualTo(data);
      }
    }
  }

  @Test
  void deviceError_isTheContexts() throws IOException {
    NVMED_HANDLE handle = manual();
    DeviceTraits.assumeWriteUncorrectable(object(nvmed));
    handle.handle().writeUncorrectable(0, block);
    AtomicInteger seen = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> seen.set(c.error);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(Status.codes(context.error)).isEqualTo(Status.UNRECOVERED_READ_ERROR);
    assertThat(seen).hasValue(context.error);
    fill(handle, 0, block, 0);
    context.start_lba = block;
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isZero();
  }

  @Test
  void read_seesWhatBufferedWritesWrote() {
    NVMED_HANDLE handle = manual();
    NVMED_HANDLE buffered = handle(0);
    byte[] data = random(3, 1000);
    assertThat(nvmed_pwrite(buffered, MemorySegment.ofArray(data), 1000, 10)).isEqualTo(1000);
    MemorySegment buffer = buffer(2L * block + 1024);
    NVMED_AIO_CTX context = context(handle, buffer, 0, 2L * block);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(bytes(buffer.asSlice(10, 1000))).isEqualTo(data);
  }
}
