package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.AIO_INIT;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_handle_complete;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_queue_submit;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD, Fixture.SHADOW})
class NvmedAioQueueSubmitTest extends Fixture {

  NvmedAioQueueSubmitTest(String address) {
    super(address);
  }

  @Test
  void submit_countsWhatWasSubmittedSinceTheLastCall() {
    NVMED_HANDLE handle = manual();
    assertThat(nvmed_aio_queue_submit(handle)).isZero();
    int done = 0;
    for (int count : new int[] {1, 5, 0, 64}) {
      for (int i = 0; i < count; i++) {
        assertThat(nvmed_aio_read(context(handle, memory(block), 0, block))).isZero();
      }
      assertThat(nvmed_aio_queue_submit(handle)).isEqualTo(count);
      assertThat(nvmed_aio_queue_submit(handle)).isZero();
      done += count;
    }
    int[] completed = new int[1];
    int all = done;
    await(() -> (completed[0] += nvmed_aio_handle_complete(handle)) == all);
  }

  @Test
  void submit_countsWhatIsDoneAlready() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(nvmed_aio_queue_submit(handle)).isOne();
  }

  @Test
  void submit_countsPerHandle() {
    NVMED_QUEUE queue = queue(QUEUE_MANUAL_COMPLETION);
    NVMED_HANDLE first = handle(queue, DIRECT);
    NVMED_HANDLE second = handle(queue, DIRECT);
    assertThat(nvmed_aio_read(context(first, memory(block), 0, block))).isZero();
    assertThat(nvmed_aio_read(context(first, memory(block), 0, block))).isZero();
    assertThat(nvmed_aio_read(context(second, memory(block), 0, block))).isZero();
    assertThat(nvmed_aio_queue_submit(second)).isOne();
    assertThat(nvmed_aio_queue_submit(first)).isEqualTo(2);
  }

  @Test
  void submit_isNotNeededForCompletion() {
    NVMED_HANDLE handle = manual();
    NVMED_AIO_CTX context = context(handle, memory(block), 0, block);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
  }

  @Test
  void batch_thatIsFull_goesByItself() {
    NVMED_HANDLE handle = handle(queue(0), DIRECT);
    int depth = handle.handle().queue().depth();
    List<NVMED_AIO_CTX> contexts = new ArrayList<>();
    MemorySegment buffer = buffer(block);
    for (int i = 0; i < depth; i++) {
      assertThat(contexts.stream().allMatch(c -> c.status == AIO_INIT)).isTrue();
      contexts.add(context(handle, buffer, 0, block));
      assertThat(nvmed_aio_read(contexts.getLast())).isZero();
    }
    await(() -> contexts.stream().allMatch(c -> c.status == AIO_COMPLETE));
    assertThat(nvmed_aio_queue_submit(handle)).isEqualTo(depth);
  }

  @Test
  void moreThanTheQueueHolds_isQueued() {
    NVMED_HANDLE handle = manual();
    int count = 3 * handle.handle().queue().depth() + 7;
    MemorySegment buffer = buffer(block);
    for (int i = 0; i < count; i++) {
      assertThat(nvmed_aio_read(context(handle, buffer, 0, block))).isZero();
    }
    assertThat(nvmed_aio_queue_submit(handle)).isEqualTo(count);
    int[] completed = new int[1];
    await(() -> (completed[0] += nvmed_aio_handle_complete(handle)) == count);
  }

  @Test
  void submit_null_isAFault() {
    assertFails(nvmed_aio_queue_submit(null));
  }
}
