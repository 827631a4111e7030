package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({"mem:16MiB", "mem:16MiB?lba=4096&mode=thread", "mem:16MiB?shadow=on&mode=thread"})
@Timeout(300)
class AsyncIoTest {

  private final NvmeDevice device;
  private final int block;
  private final List<AutoCloseable> open = new ArrayList<>();

  AsyncIoTest(String address) throws IOException {
    device = NvmeDevice.open(address);
    block = device.blockBytes();
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable resource : open.reversed()) {
      resource.close();
    }
    device.close();
  }

  private NvmeHandle handle(int depth, QueueOption... options) throws IOException {
    NvmeQueue queue = device.createQueue(depth, options);
    open.add(queue);
    NvmeHandle handle = queue.createHandle();
    open.add(handle);
    return handle;
  }

  private DmaBuffer buffer(long length) throws IOException {
    DmaBuffer buffer = device.allocate(length);
    open.add(buffer);
    return buffer;
  }

  private static void pollUntilDone(NvmeHandle handle) {
    while (handle.outstanding() > 0) {
      handle.queue().poll();
      Thread.onSpinWait();
    }
  }

  @Test
  void callbacks_comeOncePerOperation() throws IOException {
    NvmeHandle handle = handle(64, QueueOption.CONFINED);
    DmaBuffer buffer = buffer(64L * block);
    int[] calls = new int[64];
    List<AsyncIo> ios = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      int index = i;
      buffer.segment().asSlice((long) i * block, block).fill((byte) i);
      AsyncIo io = new AsyncIo(done -> calls[index]++);
      ios.add(io);
      assertThat(handle.write(io, buffer, (long) i * block, block, (long) i * block)).isTrue();
      assertThat(io.isInFlight()).isTrue();
    }
    assertThat(handle.outstanding()).isEqualTo(64);
    pollUntilDone(handle);
    assertThat(calls).containsOnly(1);
    assertThat(ios).allMatch(AsyncIo::isDone).allMatch(io -> io.status() == 0);
    MemorySegment all = MemorySegment.ofArray(new byte[64 * block]);
    handle.read(all, 0);
    for (int i = 0; i < 64; i++) {
      assertThat(all.get(ValueLayout.JAVA_BYTE, (long) i * block)).isEqualTo((byte) i);
    }
  }

  @Test
  void fullQueue_isAReturnValue() throws IOException {
    NvmeHandle handle = handle(2, QueueOption.MANUAL_COMPLETION);
    DmaBuffer buffer = buffer(3L * block);
    AsyncIo first = new AsyncIo();
    AsyncIo second = new AsyncIo();
    AsyncIo third = new AsyncIo();
    assertThat(handle.read(first, buffer, 0, block, 0)).isTrue();
    assertThat(handle.read(second, buffer, block, block, 0)).isTrue();
    assertThat(handle.read(third, buffer, 2L * block, block, 0)).isFalse();
    assertThat(third.isInFlight()).isFalse();
    assertThat(third.isDone()).isFalse();
    assertThat(handle.outstanding()).isEqualTo(2);
    pollUntilDone(handle);
    assertThat(handle.read(third, buffer, 2L * block, block, 0)).isTrue();
    pollUntilDone(handle);
    assertThat(third.status()).isZero();
  }

  @Test
  void largeOperations_shareAShallowQueue() throws IOException {
    NvmeHandle handle = handle(3, QueueOption.CONFINED);
    DmaBuffer out = buffer(4 << 20);
    DmaBuffer in = buffer(4 << 20);
    byte[] data = TestData.random(5, 4 << 20);
    TestData.fill(out.segment(), data);
    AtomicInteger done = new AtomicInteger();
    AsyncIo write = new AsyncIo(io -> done.incrementAndGet());
    assertThat(handle.write(write, out, 0, 4 << 20, 4096)).isTrue();
    pollUntilDone(handle);
    AsyncIo read = new AsyncIo(io -> done.incrementAndGet());
    assertThat(handle.read(read, in, 0, 4 << 20, 4096)).isTrue();
    pollUntilDone(handle);
    assertThat(done).hasValue(2);
    assertThat(write.status()).isZero();
    assertThat(read.status()).isZero();
    assertThat(TestData.bytes(in.segment())).isEqualTo(data);
  }

  @Test
  void callback_maySubmitAgain(Operations operations) throws IOException {
    int most = operations.rounds(1000);
    NvmeHandle handle = handle(4, QueueOption.CONFINED);
    DmaBuffer buffer = buffer(block);
    int[] rounds = {0};
    AsyncIo io =
        new AsyncIo(done -> {
          assertThat(done.status()).isZero();
          if (++rounds[0] < most) {
            try {
              assertThat(handle.read(done, buffer, 0, block, 0)).isTrue();
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          }
        });
    assertThat(handle.read(io, buffer, 0, block, 0)).isTrue();
    while (rounds[0] < most) {
      handle.queue().poll();
    }
    assertThat(handle.outstanding()).isZero();
  }

  @Test
  void callback_thatThrows_harmsNobodyElse() throws IOException {
    NvmeHandle handle = handle(8, QueueOption.MANUAL_COMPLETION);
    DmaBuffer buffer = buffer(block);
    AtomicInteger called = new AtomicInteger();
    for (int i = 0; i < 8; i++) {
      AsyncIo io =
          new AsyncIo(done -> {
            called.incrementAndGet();
            throw new IllegalStateException("thrown by a callback");
          });
      assertThat(handle.read(io, buffer, 0, block, 0)).isTrue();
    }
    int thrown = 0;
    while (handle.outstanding() > 0) {
      try {
        handle.queue().poll();
      } catch (IllegalStateException e) {
        assertThat(e).hasMessage("thrown by a callback");
        thrown++;
      }
    }
    assertThat(called).hasValue(8);
    assertThat(thrown).isBetween(1, 8);
    handle.read(MemorySegment.ofArray(new byte[block]), 0);
  }

  @Test
  void operationInFlight_cannotBeSubmittedAgain() throws IOException {
    NvmeHandle handle = handle(8, QueueOption.MANUAL_COMPLETION);
    DmaBuffer buffer = buffer(block);
    AsyncIo io = new AsyncIo();
    assertThatThrownBy(io::status).isInstanceOf(IllegalStateException.class);
    assertThat(handle.read(io, buffer, 0, block, 0)).isTrue();
    assertThatThrownBy(() -> handle.read(io, buffer, 0, block, 0))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("in flight");
    assertThat(handle.outstanding()).isEqualTo(1);
    pollUntilDone(handle);
    assertThat(io.status()).isZero();
  }

  @Test
  void badArguments_leaveTheOperationIdle() throws IOException {
    NvmeHandle handle = handle(8);
    DmaBuffer buffer = buffer(2L * block);
    AsyncIo io = new AsyncIo();
    assertThatThrownBy(() -> handle.read(io, buffer, 0, block - 1, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> handle.read(io, buffer, 0, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> handle.read(io, buffer, 2, block, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("offset=2");
    assertThatThrownBy(() -> handle.read(io, buffer, buffer.byteSize() - 4, block, 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> handle.read(io, buffer, 0, block, device.sizeBytes()))
        .isInstanceOf(IllegalArgumentException.class);
    DmaBuffer closed = device.allocate(block);
    closed.close();
    assertThatThrownBy(() -> handle.read(io, closed, 0, block, 0))
        .isInstanceOf(IllegalStateException.class);
    assertThat(io.isInFlight()).isFalse();
    assertThat(handle.outstanding()).isZero();
  }

  @Test
  void deviceError_isTheStatus() throws IOException {
    DeviceTraits.assumeWriteUncorrectable(device);
    NvmeHandle handle = handle(8);
    handle.writeUncorrectable(0, block);
    DmaBuffer buffer = buffer(block);
    AsyncIo io = new AsyncIo();
    assertThat(handle.read(io, buffer, 0, block, 0)).isTrue();
    handle.queue().ring();
    while (!io.isDone()) {
      Thread.onSpinWait();
    }
    assertThat(Status.codes(io.status())).isEqualTo(Status.UNRECOVERED_READ_ERROR);
    assertThatThrownBy(io::throwIfFailed)
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("Read of " + block + " bytes at 0");
    handle.write(buffer.segment().asSlice(0, block), 0);
  }

  @Test
  void buffer_closedInFlight_isFreedAfterwards() throws IOException {
    NvmeHandle handle = handle(8, QueueOption.MANUAL_COMPLETION);
    DmaBuffer buffer = device.allocate(block);
    MemorySegment segment = buffer.segment();
    AsyncIo io = new AsyncIo();
    assertThat(handle.read(io, buffer, 0, block, 0)).isTrue();
    buffer.close();
    assertThat(segment.scope().isAlive()).isTrue();
    pollUntilDone(handle);
    assertThat(io.status()).isZero();
    assertThat(segment.scope().isAlive()).isFalse();
  }

  @Test
  void flush_endsWhileOthersGoOnWriting() throws IOException {
    NvmeHandle handle = handle(32);
    DmaBuffer buffer = buffer(block);
    AtomicBoolean stop = new AtomicBoolean();
    AtomicInteger failed = new AtomicInteger();
    List<AsyncIo> writers = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      long position = (long) i * block;
      writers.add(
          new AsyncIo(done -> {
            failed.addAndGet(done.status());
            if (!stop.get()) {
              assertDoesNotThrow(
                  () -> handle.enqueueWrite(done, buffer.segment().asSlice(0, block), position));
              handle.ring();
            }
          }));
      handle.enqueueWrite(writers.get(i), buffer.segment().asSlice(0, block), position);
    }
    handle.ring();
    for (int i = 0; i < 100; i++) {
      handle.flush();
    }
    stop.set(true);
    handle.close();
    assertThat(failed).hasValue(0);
    assertThat(writers).allMatch(AsyncIo::isDone);
  }

  @Test
  void futures_completeWithoutPolling() throws Exception {
    NvmeHandle handle = handle(16);
    List<CompletableFuture<Void>> futures = new ArrayList<>();
    byte[] data = TestData.random(6, 100 * block);
    for (int i = 0; i < 100; i++) {
      MemorySegment part = MemorySegment.ofArray(data).asSlice((long) i * block, block);
      futures.add(handle.writeAsync(part, (long) i * block));
    }
    for (CompletableFuture<Void> future : futures) {
      future.get(60, TimeUnit.SECONDS);
    }
    handle.flushAsync().get(60, TimeUnit.SECONDS);
    MemorySegment read = MemorySegment.ofArray(new byte[100 * block]);
    handle.readAsync(read, 0).get(60, TimeUnit.SECONDS);
    assertThat(TestData.bytes(read)).isEqualTo(data);
  }

  @Test
  void futures_ofLargeHeapMemory_goThroughWindows() throws Exception {
    NvmeHandle handle = handle(4);
    byte[] data = TestData.random(7, 3 << 20);
    handle.writeAsync(MemorySegment.ofArray(data), 0).get(60, TimeUnit.SECONDS);
    MemorySegment read = MemorySegment.ofArray(new byte[3 << 20]);
    handle.readAsync(read, 0).get(60, TimeUnit.SECONDS);
    assertThat(TestData.bytes(read)).isEqualTo(data);
  }

  @Test
  void future_ofAFailedRead_isExceptional() throws IOException {
    DeviceTraits.assumeWriteUncorrectable(device);
    NvmeHandle handle = handle(4);
    handle.writeUncorrectable(block, block);
    CompletableFuture<Void> future =
        handle.readAsync(MemorySegment.ofArray(new byte[2 * block]), 0);
    assertThatThrownBy(future::join)
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(NvmeException.class);
    handle.write(MemorySegment.ofArray(new byte[block]), block);
  }

  @Test
  void confinedMemory_onASharedQueue_isRefused() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(block);
      AsyncIo io = new AsyncIo();
      try (NvmeQueue queue = device.createQueue(4);
          NvmeHandle shared = queue.createHandle()) {
        assertThatThrownBy(() -> shared.read(io, memory, 0))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("confined arena");
        assertThat(io.isInFlight()).isFalse();
      }
      NvmeHandle confined = handle(4, QueueOption.CONFINED);
      assertThat(confined.read(io, memory, 0)).isTrue();
      pollUntilDone(confined);
      assertThat(io.status()).isZero();
    }
  }

  @Test
  void memory_closedInFlight_isAnErrorNotACrash() throws IOException {
    NvmeHandle handle = handle(4, QueueOption.CONFINED);
    AsyncIo io = new AsyncIo();
    try (Arena arena = Arena.ofShared()) {
      assertThat(handle.read(io, arena.allocate(block, 4), 0)).isTrue();
    }
    pollUntilDone(handle);
    assertThat(Status.codes(io.status())).isEqualTo(Status.DATA_TRANSFER_ERROR);
  }

  @Test
  void handleClose_waitsForItsOperations() throws IOException {
    NvmeQueue queue = device.createQueue(64, QueueOption.MANUAL_COMPLETION);
    NvmeHandle handle = queue.createHandle();
    DmaBuffer buffer = buffer(block);
    AtomicInteger done = new AtomicInteger();
    for (int i = 0; i < 64; i++) {
      assertThat(handle.read(new AsyncIo(io -> done.incrementAndGet()), buffer, 0, block, 0))
          .isTrue();
    }
    handle.close();
    assertThat(done).hasValue(64);
    queue.close();
  }

  @Test
  void synchronousIo_inACallback_works() throws IOException {
    NvmeHandle handle = handle(8);
    DmaBuffer buffer = buffer(block);
    AtomicInteger nested = new AtomicInteger();
    AsyncIo io =
        new AsyncIo(done -> {
          try {
            handle.read(MemorySegment.ofArray(new byte[block]), 0);
            nested.incrementAndGet();
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
    assertThat(handle.read(io, buffer, 0, block, 0)).isTrue();
    handle.read(MemorySegment.ofArray(new byte[block]), 0);
    while (nested.get() == 0) {
      Thread.onSpinWait();
    }
    assertThat(nested).hasValue(1);
  }
}
