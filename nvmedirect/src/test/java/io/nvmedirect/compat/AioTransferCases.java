package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.AIO_INIT;
import static io.nvmedirect.compat.LibNvmed.AIO_PROCESS;
import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_HINT_DMEM;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_queue_submit;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What nvmed_aio_read and nvmed_aio_write have in common. */
abstract class AioTransferCases extends Fixture {

  AioTransferCases(String address) {
    super(address);
  }

  abstract int submit(@Nullable NVMED_AIO_CTX context);

  @Test
  void arguments_bad_areAFaultAndChangeNothing() {
    NVMED_HANDLE handle = manual();
    MemorySegment buffer = buffer(4L * block);
    NVMED_HANDLE destroyed = handle(DIRECT);
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
      assertFails(submit(context));
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
    assertFails(submit(null));
  }

  @Test
  void context_afterAFault_canBeUsed() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, buffer(block), 1, block);
    assertFails(submit(context));
    context.start_lba = block;
    assertThat(submit(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isZero();
  }

  @Test
  void context_inFlight_isAFaultAndGoesOn() {
    NVMED_HANDLE handle = manual();
    AtomicInteger calls = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> calls.incrementAndGet();
    assertThat(submit(context)).isZero();
    assertFails(submit(context));
    assertThat(context.status).isEqualTo(AIO_INIT);
    assertThat(nvmed_aio_queue_submit(handle)).isOne();
    assertFails(submit(context));
    assertThat(context.status).isEqualTo(AIO_PROCESS);
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(calls).hasValue(1);
  }

  @Test
  void context_goesFromInitToProcessToComplete() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.status = 99;
    assertThat(submit(context)).isZero();
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
    assertThat(submit(context)).isZero();
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
      assertThat(submit(context)).isZero();
      assertThat(nvmed_aio_queue_submit(handle)).isOne();
      await(() -> context.status == AIO_COMPLETE);
      assertThat(context.error).isZero();
    }
  }
}
