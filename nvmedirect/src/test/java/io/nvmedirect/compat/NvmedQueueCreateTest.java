package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.AIO_PROCESS;
import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_LAZY_INIT;
import static io.nvmedirect.compat.LibNvmed.QUEUE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_queue_submit;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_close;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_open;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_create;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedQueueCreateTest extends Fixture {

  NvmedQueueCreateTest(String address) {
    super(address);
  }

  @Test
  void create_anyFlags_givesAQueue() {
    for (int flags : new int[] {0, QUEUE_MANUAL_COMPLETION, QUEUE_INTERRUPT, 3}) {
      NVMED_QUEUE queue = queue(flags);
      NVMED_HANDLE handle = handle(queue, DIRECT);
      assertThat(onDevice(handle, 0, block)).hasSize(block);
      assertThat(nvmed_handle_destroy(handle)).isZero();
      assertThat(nvmed_queue_destroy(queue)).isZero();
    }
  }

  @Test
  void create_unknownFlags_isNull() {
    assertThat(nvmed_queue_create(nvmed, 4)).isNull();
    assertThat(nvmed_queue_create(nvmed, -1)).isNull();
  }

  @Test
  void create_onNull_isNull() {
    assertThat(nvmed_queue_create(null, 0)).isNull();
  }

  @Test
  void create_moreThanTheControllerHas_isNullUntilOneIsDestroyed() {
    int limit = object(nvmed).maxQueues();
    NVMED_QUEUE last = queue(0);
    for (int i = 1; i < limit; i++) {
      last = queue(0);
    }
    assertThat(nvmed_queue_create(nvmed, 0)).isNull();
    assertThat(nvmed_last_error()).isNotNull();
    assertThat(nvmed_queue_destroy(last)).isZero();
    assertThat(queue(0)).isNotNull();
  }

  @Test
  @Tag("emulator")
  void create_interruptWithoutInterrupts_isNull() {
    NVMED device = present(nvmed_open("mem:1MiB?vectors=0", NVMED_CACHE_LAZY_INIT));
    assertThat(nvmed_queue_create(device, QUEUE_INTERRUPT)).isNull();
    NVMED_QUEUE queue = present(nvmed_queue_create(device, 0));
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_close(device)).isZero();
  }

  @Test
  void manualCompletion_nobodyCompletesButTheApplication() {
    NVMED_HANDLE manual = handle(queue(QUEUE_MANUAL_COMPLETION), DIRECT);
    NVMED_HANDLE other = handle(queue(0), DIRECT);
    NVMED_AIO_CTX first = context(manual, buffer(block), 0, block);
    assertThat(nvmed_aio_read(first)).isZero();
    assertThat(nvmed_aio_queue_submit(manual)).isOne();
    // The completion thread has been around for the other queue, and has left this one alone.
    NVMED_AIO_CTX second = context(other, buffer(block), 0, block);
    assertThat(nvmed_aio_read(second)).isZero();
    assertThat(nvmed_aio_queue_submit(other)).isOne();
    await(() -> second.status == AIO_COMPLETE);
    assertThat(first.status).isEqualTo(AIO_PROCESS);
    completeUntil(manual, () -> first.status == AIO_COMPLETE);
  }
}
