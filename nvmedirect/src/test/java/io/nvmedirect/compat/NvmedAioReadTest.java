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
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@ValueSource(strings = {Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD})
class NvmedAioReadTest extends Fixture {

  NvmedAioReadTest(String address) {
    super(address);
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
    handle.handle().writeUncorrectable(0, block);
    AtomicInteger seen = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> seen.set(c.error);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(Status.codes(context.error)).isEqualTo(Status.UNRECOVERED_READ_ERROR);
    assertThat(seen).hasValue(context.error);
    context.start_lba = block;
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isZero();
  }

  @Test
  void read_seesWhatBufferedWritesWrote() {
    NVMED_HANDLE buffered = handle(0);
    byte[] data = random(3, 1000);
    assertThat(nvmed_pwrite(buffered, MemorySegment.ofArray(data), 1000, 10)).isEqualTo(1000);
    NVMED_HANDLE handle = manual();
    MemorySegment buffer = buffer(2L * block + 1024);
    NVMED_AIO_CTX context = context(handle, buffer, 0, 2L * block);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(bytes(buffer.asSlice(10, 1000))).isEqualTo(data);
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
      assertFails(nvmed_aio_read(context));
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
    assertFails(nvmed_aio_read(null));
  }

  @Test
  void context_afterAFault_canBeUsed() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, buffer(block), 1, block);
    assertFails(nvmed_aio_read(context));
    context.start_lba = block;
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isZero();
  }

  @Test
  void context_inFlight_isAFaultAndGoesOn() {
    NVMED_HANDLE handle = manual();
    AtomicInteger calls = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> calls.incrementAndGet();
    assertThat(nvmed_aio_read(context)).isZero();
    assertFails(nvmed_aio_read(context));
    assertThat(context.status).isEqualTo(AIO_INIT);
    assertThat(nvmed_aio_queue_submit(handle)).isOne();
    assertFails(nvmed_aio_read(context));
    assertThat(context.status).isEqualTo(AIO_PROCESS);
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(calls).hasValue(1);
  }

  @Test
  void context_goesFromInitToProcessToComplete() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.status = 99;
    assertThat(nvmed_aio_read(context)).isZero();
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
    assertThat(nvmed_aio_read(context)).isZero();
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
      assertThat(nvmed_aio_read(context)).isZero();
      assertThat(nvmed_aio_queue_submit(handle)).isOne();
      await(() -> context.status == AIO_COMPLETE);
      assertThat(context.error).isZero();
    }
  }
}
