package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_write;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD, Fixture.SHADOW})
class NvmedAioWriteTest extends AioTransferCases {

  NvmedAioWriteTest(String address) {
    super(address);
  }

  @Override
  int submit(@Nullable NVMED_AIO_CTX context) {
    return nvmed_aio_write(context);
  }

  @Test
  void write_bringsTheDataToTheDevice() {
    NVMED_HANDLE handle = manual();
    byte[] data = random(1, 64L * block);
    MemorySegment buffer = buffer(64L * block);
    buffer.copyFrom(MemorySegment.ofArray(data));
    int[] calls = new int[64];
    for (int i = 0; i < 64; i++) {
      long at = (long) i * block;
      NVMED_AIO_CTX context = context(handle, buffer.asSlice(at), at, block);
      context.aio_callback = (c, userdata) -> calls[(Integer) Objects.requireNonNull(userdata)]++;
      context.cb_userdata = i;
      assertThat(nvmed_aio_write(context)).isZero();
    }
    int[] completed = new int[1];
    await(() -> (completed[0] += nvmed_aio_handle_complete(handle)) == 64);
    assertThat(calls).containsOnly(1);
    assertThat(onDevice(handle, 0, data.length)).isEqualTo(data);
  }

  @Test
  @Tag("emulator")
  void deviceError_isTheContexts() throws IOException {
    AtomicInteger faults = new AtomicInteger(1);
    NVMED device = faulty(Opcode.WRITE, Status.WRITE_FAULT, faults, DeviceOptions.defaults());
    NVMED_HANDLE handle = handle(queue(device, QUEUE_MANUAL_COMPLETION), DIRECT);
    NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
    assertThat(nvmed_aio_write(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(Status.codes(context.error)).isEqualTo(Status.WRITE_FAULT);
    assertThat(nvmed_aio_write(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isZero();
  }

  @Test
  void write_isSeenByBufferedReads() {
    NVMED_HANDLE handle = manual();
    NVMED_HANDLE buffered = handle(0);
    assertThat(nvmed_pread(buffered, memory(block), block, 0)).isEqualTo(block);
    MemorySegment buffer = buffer(block);
    buffer.fill((byte) 3);
    NVMED_AIO_CTX context = context(handle, buffer, 0, block);
    assertThat(nvmed_aio_write(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(onDevice(buffered, 0, block)).containsOnly(3);
  }
}
