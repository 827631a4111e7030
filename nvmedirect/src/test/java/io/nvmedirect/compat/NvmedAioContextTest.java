package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.AIO_INIT;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_queue_submit;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD})
class NvmedAioContextTest extends Fixture {

  NvmedAioContextTest(String address) {
    super(address);
  }

  @Test
  void context_fresh_isEmpty() {
    NVMED_AIO_CTX context = new NVMED_AIO_CTX();
    assertThat(context.handle).isNull();
    assertThat(context.buf).isNull();
    assertThat(context.aio_callback).isNull();
    assertThat(context.cb_userdata).isNull();
    assertThat(context.private_data).isNull();
    assertThat(context.start_lba).isZero();
    assertThat(context.len).isZero();
    assertThat(context.status).isEqualTo(AIO_INIT);
    assertThat(context.error).isZero();
  }

  @Test
  void callback_comesAfterTheStatusWithItsContextAndUserdata() {
    NVMED_HANDLE handle = manual();
    Object userdata = new Object();
    Object privateData = new Object();
    List<Object> seen = new ArrayList<>();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.cb_userdata = userdata;
    context.private_data = privateData;
    context.aio_callback =
        (c, given) -> {
          seen.add(c.status);
          seen.add(c);
          seen.add(Objects.requireNonNull(given));
          seen.add(Objects.requireNonNull(c.private_data));
        };
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(seen).containsExactly(AIO_COMPLETE, context, userdata, privateData);
  }

  @Test
  void callback_withoutUserdata_getsNull() {
    NVMED_HANDLE handle = manual();
    AtomicBoolean isNull = new AtomicBoolean();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> isNull.set(userdata == null);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(isNull).isTrue();
  }

  @Test
  void callback_maySubmitItsContextAgain() {
    int rounds = rounds(1000);
    for (int flags : new int[] {QUEUE_MANUAL_COMPLETION, 0}) {
      NVMED_QUEUE queue = queue(flags);
      NVMED_HANDLE handle = handle(queue, DIRECT);
      AtomicInteger calls = new AtomicInteger();
      AtomicInteger refused = new AtomicInteger();
      for (int i = 0; i < 8; i++) {
        NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
        context.aio_callback =
            (c, userdata) -> {
              if (calls.incrementAndGet() <= rounds && nvmed_aio_read(c) != 0) {
                refused.incrementAndGet();
              }
            };
        assertThat(nvmed_aio_read(context)).isZero();
      }
      completeUntil(handle, () -> calls.get() == rounds + 8);
      assertThat(refused).hasValue(0);
      assertThat(nvmed_handle_destroy(handle)).isZero();
      assertThat(calls).hasValue(rounds + 8);
      assertThat(nvmed_queue_destroy(queue)).isZero();
    }
  }

  @Test
  void callback_mayDoSynchronousIo() {
    for (int flags : new int[] {QUEUE_MANUAL_COMPLETION, 0}) {
      NVMED_QUEUE queue = queue(flags);
      NVMED_HANDLE handle = handle(queue, DIRECT);
      AtomicLong result = new AtomicLong();
      NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
      context.aio_callback =
          (c, userdata) -> result.set(nvmed_pread(handle, memory(block), block, 0));
      assertThat(nvmed_aio_read(context)).isZero();
      completeUntil(handle, () -> result.get() == block);
      assertThat(nvmed_handle_destroy(handle)).isZero();
      assertThat(nvmed_queue_destroy(queue)).isZero();
    }
  }

  @Test
  void callback_thatThrows_isReportedAndTheOthersCome() {
    NVMED_HANDLE handle = manual();
    AtomicInteger calls = new AtomicInteger();
    for (int i = 0; i < 10; i++) {
      NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
      context.aio_callback =
          (c, userdata) -> {
            calls.incrementAndGet();
            throw new IllegalStateException("expected by this test");
          };
      assertThat(nvmed_aio_read(context)).isZero();
    }
    int[] completed = new int[1];
    await(() -> (completed[0] += nvmed_aio_handle_complete(handle)) == 10);
    assertThat(calls).hasValue(10);
  }

  @Test
  void context_isReusedByWhoSeesTheStatus() {
    NVMED_HANDLE handle = handle(queue(0), DIRECT);
    AtomicInteger calls = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> calls.incrementAndGet();
    int rounds = rounds(1000);
    for (int i = 0; i < rounds; i++) {
      assertThat(nvmed_aio_read(context)).isZero();
      assertThat(nvmed_aio_queue_submit(handle)).isOne();
      await(() -> context.status == AIO_COMPLETE);
    }
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(calls).hasValue(rounds);
  }

  @Test
  void context_triedUntilItIsFree_runsOncePerSuccess() {
    NVMED_HANDLE handle = handle(queue(0), DIRECT);
    AtomicInteger calls = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> calls.incrementAndGet();
    int rounds = rounds(300);
    int[] accepted = new int[1];
    await(() -> {
      if (nvmed_aio_read(context) == 0) {
        accepted[0]++;
        nvmed_aio_queue_submit(handle);
      }
      return accepted[0] == rounds;
    });
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(calls).hasValue(rounds);
  }

  @Test
  void handle_changesBetweenUses() {
    NVMED_HANDLE first = manual();
    NVMED_HANDLE second = handle(DIRECT);
    NVMED_AIO_CTX context = context(first, buffer(block), 0, block);
    for (int i = 0; i < 20; i++) {
      NVMED_HANDLE handle = i % 2 == 0 ? first : second;
      context.handle = handle;
      assertThat(nvmed_aio_read(context)).isZero();
      // Of no concern to it.
      nvmed_aio_queue_submit(i % 2 == 0 ? second : first);
      assertThat(context.status).isEqualTo(AIO_INIT);
      completeUntil(handle, () -> context.status == AIO_COMPLETE);
    }
  }
}
