package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.AIO_INIT;
import static io.nvmedirect.compat.LibNvmed.AIO_PROCESS;
import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_HINT_DMEM;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_queue_submit;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_write;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceOptions;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@ValueSource(strings = {Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD})
class NvmedAioWriteTest extends Fixture {

  NvmedAioWriteTest(String address) {
    super(address);
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
    NVMED_HANDLE buffered = handle(0);
    assertThat(nvmed_pread(buffered, memory(block), block, 0)).isEqualTo(block);
    NVMED_HANDLE handle = manual();
    MemorySegment buffer = buffer(block);
    buffer.fill((byte) 3);
    NVMED_AIO_CTX context = context(handle, buffer, 0, block);
    assertThat(nvmed_aio_write(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(onDevice(buffered, 0, block)).containsOnly(3);
  }

  private NVMED_HANDLE manual() {
    return handle(queue(QUEUE_MANUAL_COMPLETION), DIRECT);
  }

  @Test
  void arguments_bad_areAFaultAndChangeNothing() {
    NVMED_HANDLE handle = manual();
    MemorySegment buffer = buffer(4L * block);
    NVMED_HANDLE destroyed = manual();
    assertThat(nvmed_handle_destroy(destroyed)).isZero();
    AtomicInteger calls = new AtomicInteger();
    List<NVMED_AIO_CTX> bad =
        List.of(
            new NVMED_AIO_CTX(),
            context(destroyed, buffer, 0, block),
            context(handle, buffer, 1, block),
            context(handle, buffer, 0, block - 1),
            context(handle, buffer, -block, block),
            context(handle, buffer, 0, -block),
            context(handle, buffer, 0, 0),
            context(handle, buffer, 0, buffer.byteSize() + block),
            context(handle, buffer, size, block),
            context(handle, buffer, size - block, 2L * block),
            context(handle, buffer, Long.MAX_VALUE - block + 1, block),
            context(handle, MemorySegment.NULL, 0, block));
    NVMED_AIO_CTX noBuffer = context(handle, buffer, 0, block);
    noBuffer.buf = null;
    NVMED_AIO_CTX noHandle = context(handle, buffer, 0, block);
    noHandle.handle = null;
    List<NVMED_AIO_CTX> all = new ArrayList<>(bad);
    all.add(noBuffer);
    all.add(noHandle);
    for (NVMED_AIO_CTX context : all) {
      context.aio_callback = (c, userdata) -> calls.incrementAndGet();
      context.status = AIO_COMPLETE;
      context.error = 17;
      assertFails(nvmed_aio_write(context));
      assertThat(context.status).isEqualTo(AIO_COMPLETE);
      assertThat(context.error).isEqualTo(17);
    }
    assertThat(nvmed_aio_queue_submit(handle)).isZero();
    assertThat(nvmed_aio_handle_complete(handle)).isZero();
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(calls).hasValue(0);
  }

  @Test
  void context_null_isAFault() {
    assertFails(nvmed_aio_write(null));
  }

  @Test
  void context_afterAFault_canBeUsed() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, buffer(block), 1, block);
    assertFails(nvmed_aio_write(context));
    context.start_lba = block;
    assertThat(nvmed_aio_write(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isZero();
  }

  @Test
  void context_inFlight_isAFaultAndGoesOn() {
    NVMED_HANDLE handle = manual();
    AtomicInteger calls = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> calls.incrementAndGet();
    assertThat(nvmed_aio_write(context)).isZero();
    assertFails(nvmed_aio_write(context));
    assertThat(context.status).isEqualTo(AIO_INIT);
    assertThat(nvmed_aio_queue_submit(handle)).isOne();
    assertFails(nvmed_aio_write(context));
    assertThat(context.status).isEqualTo(AIO_PROCESS);
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(calls).hasValue(1);
  }

  @Test
  void context_goesFromInitToProcessToComplete() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.status = 99;
    assertThat(nvmed_aio_write(context)).isZero();
    assertThat(context.status).isEqualTo(AIO_INIT);
    assertThat(nvmed_aio_queue_submit(handle)).isOne();
    assertThat(context.status).isEqualTo(AIO_PROCESS);
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
  }

  @Test
  void fields_mayChangeInFlight() {
    NVMED_HANDLE handle = manual();
    List<String> called = new ArrayList<>();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> called.add("first " + userdata);
    context.cb_userdata = "one";
    assertThat(nvmed_aio_write(context)).isZero();
    context.aio_callback = (c, userdata) -> called.add("second " + userdata);
    context.cb_userdata = "two";
    context.handle = null;
    context.buf = null;
    context.len = 0;
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(called).containsExactly("first one");
  }

  @Test
  void handle_ofAnyKind_works() {
    for (int flags : new int[] {0, HANDLE_SYNC_IO, HANDLE_DIRECT_IO, DIRECT | HANDLE_HINT_DMEM}) {
      NVMED_HANDLE handle = handle(flags);
      NVMED_AIO_CTX context = context(handle, buffer(block), 3L * block, block);
      assertThat(nvmed_aio_write(context)).isZero();
      assertThat(nvmed_aio_queue_submit(handle)).isOne();
      await(() -> context.status == AIO_COMPLETE);
      assertThat(context.error).isZero();
    }
  }
}
