package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_HINT_DMEM;
import static io.nvmedirect.compat.LibNvmed.HANDLE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.HANDLE_MQ;
import static io.nvmedirect.compat.LibNvmed.QUEUE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.QUEUE_MANUAL_COMPLETION;
import static io.nvmedirect.compat.LibNvmed.SEEK_CUR;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_write;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_create_mq;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy_mq;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_get;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceTraits;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD, Fixture.SHADOW})
class NvmedHandleCreateMqTest extends Fixture {

  NvmedHandleCreateMqTest(String address) {
    super(address);
  }

  private NVMED_QUEUE[] queues = {};

  @BeforeEach
  void createQueues() {
    int interrupt = DeviceTraits.hasInterrupts(object(nvmed)) ? QUEUE_INTERRUPT : 0;
    queues =
        new NVMED_QUEUE[] {
          queue(QUEUE_MANUAL_COMPLETION | interrupt), queue(QUEUE_MANUAL_COMPLETION)
        };
  }

  @Test
  void createMq_hasTheFlag() {
    for (int flags : new int[] {DIRECT, DIRECT | HANDLE_MQ, 0, HANDLE_HINT_DMEM}) {
      NVMED_HANDLE handle = handle(queues, flags, (h, opcode, offs, len) -> queues[0]);
      assertThat(nvmed_handle_feature_get(handle, HANDLE_MQ)).isOne();
      assertThat(nvmed_handle_feature_get(handle, HANDLE_DIRECT_IO)).isEqualTo(flags & 1);
    }
  }

  @Test
  void createMq_badArguments_areNull() {
    NVMED_MQ_SELECTOR selector = (h, opcode, offs, len) -> queues[0];
    assertThat(nvmed_handle_create_mq(null, 1, DIRECT, selector)).isNull();
    assertThat(nvmed_handle_create_mq(new NVMED_QUEUE[0], 0, DIRECT, selector)).isNull();
    assertThat(nvmed_handle_create_mq(queues, 0, DIRECT, selector)).isNull();
    assertThat(nvmed_handle_create_mq(queues, -1, DIRECT, selector)).isNull();
    assertThat(nvmed_handle_create_mq(queues, 3, DIRECT, selector)).isNull();
    assertThat(nvmed_handle_create_mq(new NVMED_QUEUE[] {queues[0], null}, 2, DIRECT, selector))
        .isNull();
    assertThat(nvmed_handle_create_mq(queues, 2, DIRECT, null)).isNull();
    assertThat(nvmed_handle_create_mq(queues, 2, 32, selector)).isNull();
    assertThat(nvmed_handle_create_mq(queues, 2, HANDLE_INTERRUPT, selector)).isNull();
    NVMED other = other();
    NVMED_QUEUE[] mixed = {queues[0], queue(other, 0)};
    assertThat(nvmed_handle_create_mq(mixed, 2, DIRECT, selector)).isNull();
    // None of them has left a handle.
    assertThat(nvmed_queue_destroy(queues[0])).isZero();
    assertThat(nvmed_queue_destroy(queues[1])).isZero();
    assertThat(nvmed_queue_destroy(mixed[1])).isZero();
  }

  @Test
  void createMq_usesTheFirstQueuesOnly() {
    NVMED_HANDLE handle =
        present(nvmed_handle_create_mq(queues, 1, DIRECT, (h, opcode, offs, len) -> queues[1]));
    assertFails(nvmed_read(handle, memory(block), block));
    assertThat(nvmed_queue_destroy(queues[1])).isZero();
    assertThat(nvmed_handle_destroy_mq(handle)).isZero();
  }

  @Test
  void selector_choosesTheQueueOfEachCommand() {
    List<String> asked = new ArrayList<>();
    NVMED_HANDLE[] seen = new NVMED_HANDLE[1];
    NVMED_HANDLE handle =
        handle(
            queues,
            DIRECT,
            (h, opcode, offs, len) -> {
              seen[0] = h;
              asked.add(opcode + " " + offs + " " + len);
              return queues[opcode - 1];
            });
    NVMED_AIO_CTX write = context(handle, buffer(block), block, block);
    assertThat(nvmed_aio_write(write)).isZero();
    assertThat(queues[0].queue().inFlight()).isOne();
    assertThat(queues[1].queue().inFlight()).isZero();
    NVMED_AIO_CTX read = context(handle, buffer(block), 0, block);
    assertThat(nvmed_aio_read(read)).isZero();
    assertThat(queues[1].queue().inFlight()).isOne();
    completeUntil(handle, () -> read.status == AIO_COMPLETE && write.status == AIO_COMPLETE);
    assertThat(seen[0]).isSameAs(handle);
    assertThat(asked).containsExactly("1 %d %d".formatted(block, block), "2 0 " + block);
  }

  @Test
  void selector_isAskedPerCommandAfterSplitting() {
    long limit = object(nvmed).maxTransferBytes();
    List<Long> asked = new ArrayList<>();
    NVMED_HANDLE handle =
        handle(
            queues,
            DIRECT,
            (h, opcode, offs, len) -> {
              assertThat((long) len).isLessThanOrEqualTo(limit);
              asked.add(offs);
              return queues[asked.size() % 2];
            });
    // One command, if that may be larger than the memory that a test should use.
    long length = Math.min(3 * limit + block, 8 << 20);
    List<Long> expected =
        LongStream.iterate(0, at -> at < length, at -> at + limit).boxed().toList();
    byte[] data = random(1, length);
    assertThat(nvmed_write(handle, MemorySegment.ofArray(data), length)).isEqualTo(length);
    assertThat(asked).isEqualTo(expected);
    assertThat(onDevice(handle(DIRECT), 0, length)).isEqualTo(data);
    asked.clear();
    MemorySegment read = buffer(length);
    NVMED_AIO_CTX context = context(handle, read, 0, length);
    assertThat(nvmed_aio_read(context)).isZero();
    completeUntil(handle, () -> context.status == AIO_COMPLETE);
    assertThat(asked).isEqualTo(expected);
    assertThat(bytes(read.asSlice(0, length))).isEqualTo(data);
  }

  @Test
  void selector_choosingBadly_failsTheCall() {
    NVMED_QUEUE foreign = queues[1];
    NVMED_QUEUE[] one = {queues[0]};
    List<NVMED_MQ_SELECTOR> bad =
        List.of(
            (h, opcode, offs, len) -> null,
            (h, opcode, offs, len) -> foreign,
            (h, opcode, offs, len) -> {
              throw new IllegalStateException("the selector has failed");
            });
    for (NVMED_MQ_SELECTOR selector : bad) {
      NVMED_HANDLE handle = handle(one, DIRECT, selector);
      assertFails(nvmed_read(handle, memory(block), block));
      assertFails(nvmed_write(handle, memory(block), block));
      assertThat(nvmed_lseek(handle, 0, SEEK_CUR)).isZero();
      AtomicInteger calls = new AtomicInteger();
      NVMED_AIO_CTX context = context(handle, buffer(4 << 20), 0, 4 << 20);
      context.aio_callback = (c, userdata) -> calls.incrementAndGet();
      context.status = AIO_COMPLETE;
      assertFails(nvmed_aio_read(context));
      assertThat(context.status).isEqualTo(AIO_COMPLETE);
      assertThat(nvmed_handle_destroy_mq(handle)).isZero();
      assertThat(calls).hasValue(0);
    }
  }

  @Test
  void buffered_multiQueue_worksAtAnyPosition() {
    NVMED_HANDLE handle = handle(queues, 0, (h, opcode, offs, len) -> queues[opcode - 1]);
    byte[] data = random(5, 100_001);
    assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, 77))
        .isEqualTo(100_001);
    assertThat(nvmed_flush(handle)).isZero();
    MemorySegment read = memory(data.length);
    assertThat(nvmed_pread(handle, read, data.length, 77)).isEqualTo(100_001);
    assertThat(bytes(read)).isEqualTo(data);
  }
}
