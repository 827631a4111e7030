package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_queue_submit;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_write;
import static io.nvmedirect.compat.LibNvmed.nvmed_discard;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_get;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_set;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD})
class NvmedHandleDestroyTest extends Fixture {

  NvmedHandleDestroyTest(String address) {
    super(address);
  }

  @Test
  void destroy_isZeroOnce() {
    NVMED_HANDLE handle = handle(0);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(nvmed_handle_destroy(handle)).isEqualTo(-2);
  }

  @Test
  void destroy_null_isNoEntry() {
    assertThat(nvmed_handle_destroy(null)).isEqualTo(-2);
  }

  @Test
  void destroy_multiQueueHandle_isNoEntryAndTheHandleStays() {
    NVMED_QUEUE queue = queue(0);
    NVMED_HANDLE handle = handle(new NVMED_QUEUE[] {queue}, DIRECT, (h, o, p, l) -> queue);
    assertThat(nvmed_handle_destroy(handle)).isEqualTo(-2);
    assertThat(nvmed_read(handle, memory(block), block)).isEqualTo(block);
  }

  @Test
  void destroy_waitsForItsIo() {
    NVMED_HANDLE handle = handle(queue(QUEUE_MANUAL_COMPLETION), HANDLE_DIRECT_IO);
    AtomicInteger calls = new AtomicInteger();
    List<NVMED_AIO_CTX> contexts = new ArrayList<>();
    MemorySegment buffer = buffer(64L * block);
    for (int i = 0; i < 64; i++) {
      NVMED_AIO_CTX context = context(handle, buffer.asSlice((long) i * block), 0, block);
      context.aio_callback = (c, userdata) -> calls.incrementAndGet();
      contexts.add(context);
      assertThat(nvmed_aio_read(context)).isZero();
    }
    assertThat(nvmed_write(handle, memory(block), block)).isEqualTo(block);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(calls).hasValue(64);
    assertThat(contexts).allSatisfy(c -> assertThat(c.status).isEqualTo(AIO_COMPLETE));
    assertThat(contexts).allSatisfy(c -> assertThat(c.error).isZero());
  }

  @Test
  void destroy_inItsOwnCallback_isAFaultInsteadOfWaitingForItself() {
    NVMED_HANDLE handle = manual();
    AtomicInteger result = new AtomicInteger();
    NVMED_AIO_CTX context = context(handle, buffer(block), 0, block);
    context.aio_callback = (c, userdata) -> result.set(nvmed_handle_destroy(handle));
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(result).hasValue(-1);
    assertThat(nvmed_handle_destroy(handle)).isZero();
  }

  @Test
  void calls_onADestroyedHandle_failAndDoNothing() {
    NVMED_HANDLE handle = handle(DIRECT);
    fill(handle, 0, block, 1);
    MemorySegment buffer = buffer(block);
    buffer.fill((byte) 7);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertFails(nvmed_read(handle, buffer, block));
    assertFails(nvmed_write(handle, buffer, block));
    assertFails(nvmed_read(handle, buffer, 0));
    assertFails(nvmed_pread(handle, buffer, block, 0));
    assertFails(nvmed_pwrite(handle, buffer, block, 0));
    assertFails(nvmed_lseek(handle, 0, SEEK_SET));
    assertFails(nvmed_flush(handle));
    assertFails(nvmed_discard(handle, 0, block));
    assertFails(nvmed_discard(handle, 0, 0));
    assertFails(nvmed_aio_queue_submit(handle));
    assertFails(nvmed_aio_handle_complete(handle));
    assertFails(nvmed_handle_feature_get(handle, HANDLE_DIRECT_IO));
    assertFails(nvmed_handle_feature_set(handle, HANDLE_DIRECT_IO, false));
    assertFails(nvmed_aio_read(context(handle, buffer, 0, block)));
    assertFails(nvmed_aio_write(context(handle, buffer, 0, block)));
    assertThat(bytes(buffer)).containsOnly(7);
    assertThat(onDevice(handle(DIRECT), 0, block)).containsOnly(1);
  }

  @Test
  void destroy_whileOthersUseIt_endsThemInOrder() throws InterruptedException {
    NVMED_HANDLE handle = handle(DIRECT);
    AtomicInteger wrong = new AtomicInteger();
    CountDownLatch begun = new CountDownLatch(2);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                MemorySegment memory = memory(block);
                long result = block;
                while (result == block) {
                  result = nvmed_pread(handle, memory, block, 0);
                  begun.countDown();
                }
                if (result != -1) {
                  wrong.incrementAndGet();
                }
              }));
    }
    begun.await();
    assertThat(nvmed_handle_destroy(handle)).isZero();
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(wrong).hasValue(0);
  }

  @Test
  void destroy_whileContextsAreSubmitted_completesEachThatWasAccepted()
      throws InterruptedException {
    for (int round = 0; round < rounds(50); round++) {
      NVMED_QUEUE queue = queue(0);
      NVMED_HANDLE handle = handle(queue, DIRECT);
      AtomicInteger accepted = new AtomicInteger();
      AtomicInteger calls = new AtomicInteger();
      CountDownLatch begun = new CountDownLatch(1);
      Thread submitter =
          Thread.ofPlatform()
              .start(() -> {
                MemorySegment memory = memory(block);
                boolean goesOn = true;
                while (goesOn) {
                  NVMED_AIO_CTX context = context(handle, memory, 0, block);
                  context.aio_callback = (c, userdata) -> calls.incrementAndGet();
                  goesOn = nvmed_aio_read(context) == 0;
                  if (goesOn) {
                    accepted.incrementAndGet();
                    begun.countDown();
                  }
                }
              });
      begun.await();
      assertThat(nvmed_handle_destroy(handle)).isZero();
      submitter.join();
      assertThat(calls).hasValue(accepted.get());
      assertThat(nvmed_queue_destroy(queue)).isZero();
    }
  }
}
