package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.AIO_PROCESS;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_queue_submit;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD})
class NvmedAioHandleCompleteTest extends Fixture {

  NvmedAioHandleCompleteTest(String address) {
    super(address);
  }

  @Test
  void complete_nothing_isZero() {
    assertThat(nvmed_aio_handle_complete(handle(DIRECT))).isZero();
  }

  @Test
  void complete_null_isAFault() {
    assertFails(nvmed_aio_handle_complete(null));
  }

  @Test
  void complete_countsContextsNotCommands() {
    NVMED_HANDLE handle = manual();
    // Several commands, unless one may be as large as the memory that a test should use.
    long length = Math.min(4 * object(nvmed).maxTransferBytes(), 8 << 20);
    NVMED_AIO_CTX context = context(handle, buffer(length), 0, length);
    assertThat(nvmed_aio_read(context)).isZero();
    int[] completed = new int[1];
    await(() -> (completed[0] += nvmed_aio_handle_complete(handle)) > 0);
    assertThat(completed[0]).isOne();
    assertThat(nvmed_aio_handle_complete(handle)).isZero();
  }

  @Test
  void complete_countsItsOwnHandle() {
    NVMED_QUEUE queue = queue(QUEUE_MANUAL_COMPLETION);
    NVMED_HANDLE first = handle(queue, DIRECT);
    NVMED_HANDLE second = handle(queue, DIRECT);
    List<NVMED_AIO_CTX> contexts = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      contexts.add(context(i < 2 ? first : second, memory(block), 0, block));
      assertThat(nvmed_aio_read(contexts.get(i))).isZero();
    }
    int[] completed = new int[1];
    await(() -> {
      completed[0] += nvmed_aio_handle_complete(first);
      return contexts.stream().allMatch(c -> c.status == AIO_COMPLETE);
    });
    assertThat(completed[0] + nvmed_aio_handle_complete(first)).isEqualTo(2);
    assertThat(nvmed_aio_handle_complete(second)).isOne();
  }

  @Test
  void complete_countsWhatTheCompletionThreadHasDone() {
    NVMED_HANDLE handle = handle(DIRECT);
    AtomicInteger calls = new AtomicInteger();
    for (int i = 0; i < 10; i++) {
      NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
      context.aio_callback = (c, userdata) -> calls.incrementAndGet();
      assertThat(nvmed_aio_read(context)).isZero();
    }
    assertThat(nvmed_aio_queue_submit(handle)).isEqualTo(10);
    await(() -> calls.get() == 10);
    int[] completed = new int[1];
    await(() -> (completed[0] += nvmed_aio_handle_complete(handle)) == 10);
    assertThat(nvmed_aio_handle_complete(handle)).isZero();
  }

  @Test
  void complete_runsCallbacksOnTheCallingThread() {
    NVMED_HANDLE handle = manual();
    AtomicReference<Thread> thread = new AtomicReference<>();
    NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
    context.aio_callback = (c, userdata) -> thread.set(Thread.currentThread());
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(thread).hasValue(Thread.currentThread());
  }

  @Test
  @Tag("emulator")
  void complete_doesNotBlock() throws IOException {
    // The command is lost, so that nothing can be completed before its deadline.
    AtomicInteger faults = new AtomicInteger(1);
    DeviceOptions options =
        DeviceOptions.defaults().withCommandTimeout(java.time.Duration.ofMillis(500));
    NVMED device = faulty(Opcode.READ, -1, faults, options);
    NVMED_HANDLE handle = handle(queue(device, QUEUE_MANUAL_COMPLETION), DIRECT);
    NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
    assertThat(nvmed_aio_read(context)).isZero();
    assertThat(nvmed_aio_handle_complete(handle)).isZero();
    assertThat(context.status).isEqualTo(AIO_PROCESS);
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(context.error).isNotZero();
  }

  @Test
  void complete_inACallback_countsEachContextOnce() {
    NVMED_HANDLE handle = manual();
    AtomicInteger completed = new AtomicInteger();
    AtomicInteger calls = new AtomicInteger();
    for (int i = 0; i < 50; i++) {
      NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
      context.aio_callback =
          (c, userdata) -> {
            calls.incrementAndGet();
            completed.addAndGet(nvmed_aio_handle_complete(handle));
          };
      assertThat(nvmed_aio_read(context)).isZero();
    }
    await(() -> completed.addAndGet(nvmed_aio_handle_complete(handle)) == 50);
    assertThat(calls).hasValue(50);
  }

  @Test
  void complete_byManyThreads_countsEachContextOnce() throws InterruptedException {
    NVMED_HANDLE handle = handle(queue(0), DIRECT);
    AtomicInteger completed = new AtomicInteger();
    AtomicInteger submitted = new AtomicInteger();
    AtomicInteger calls = new AtomicInteger();
    int each = rounds(2000);
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 3; t++) {
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                MemorySegment memory = memory(block);
                for (int i = 0; i < each; i++) {
                  NVMED_AIO_CTX context = context(handle, memory, 0, block);
                  context.aio_callback = (c, userdata) -> calls.incrementAndGet();
                  assertThat(nvmed_aio_read(context)).isZero();
                  if (i % 16 == 15) {
                    submitted.addAndGet(nvmed_aio_queue_submit(handle));
                    completed.addAndGet(nvmed_aio_handle_complete(handle));
                  }
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    submitted.addAndGet(nvmed_aio_queue_submit(handle));
    await(() -> completed.addAndGet(nvmed_aio_handle_complete(handle)) == 3 * each);
    assertThat(submitted).hasValue(3 * each);
    assertThat(calls).hasValue(3 * each);
  }
}
