package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.nvmed_handle_create;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_create_mq;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy_mq;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedQueueDestroyTest extends Fixture {

  NvmedQueueDestroyTest(String address) {
    super(address);
  }

  @Test
  void destroy_isZeroOnce() {
    NVMED_QUEUE queue = queue(0);
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_queue_destroy(queue)).isEqualTo(-2);
  }

  @Test
  void destroy_null_isNoEntry() {
    assertThat(nvmed_queue_destroy(null)).isEqualTo(-2);
  }

  @Test
  void destroy_withAHandle_isAFaultAndTheQueueStays() {
    NVMED_QUEUE queue = queue(0);
    NVMED_HANDLE handle = handle(queue, DIRECT);
    assertFails(nvmed_queue_destroy(queue));
    assertThat(nvmed_read(handle, memory(block), block)).isEqualTo(block);
    assertThat(nvmed_handle_destroy(handle)).isZero();
    assertThat(nvmed_queue_destroy(queue)).isZero();
  }

  @Test
  void destroy_withAMultiQueueHandle_isAFault() {
    NVMED_QUEUE[] queues = {queue(0), queue(0)};
    NVMED_HANDLE handle = handle(queues, DIRECT, (h, opcode, offs, len) -> queues[0]);
    assertFails(nvmed_queue_destroy(queues[0]));
    assertFails(nvmed_queue_destroy(queues[1]));
    assertThat(nvmed_handle_destroy_mq(handle)).isZero();
    assertThat(nvmed_queue_destroy(queues[0])).isZero();
    assertThat(nvmed_queue_destroy(queues[1])).isZero();
  }

  @Test
  void create_onADestroyedQueue_isNull() {
    NVMED_QUEUE queue = queue(0);
    assertThat(nvmed_queue_destroy(queue)).isZero();
    assertThat(nvmed_handle_create(queue, 0)).isNull();
    assertThat(nvmed_handle_create_mq(new NVMED_QUEUE[] {queue}, 1, 0, (h, o, p, l) -> queue))
        .isNull();
  }

  @Test
  void destroy_whileHandlesAreCreated_leavesNoHandleOnADestroyedQueue()
      throws InterruptedException {
    for (int round = 0; round < rounds(200); round++) {
      NVMED_QUEUE queue = queue(0);
      AtomicReference<@Nullable NVMED_HANDLE> made = new AtomicReference<>();
      Thread creator =
          Thread.ofPlatform().start(() -> made.set(nvmed_handle_create(queue, DIRECT)));
      int destroyed = nvmed_queue_destroy(queue);
      creator.join();
      NVMED_HANDLE handle = made.get();
      assertThat(destroyed).isEqualTo(handle == null ? 0 : -1);
      if (handle != null) {
        assertThat(nvmed_read(handle, memory(block), block)).isEqualTo(block);
        assertThat(nvmed_handle_destroy(handle)).isZero();
        assertThat(nvmed_queue_destroy(queue)).isZero();
      }
    }
  }
}
