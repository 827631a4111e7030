package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.HandleOption;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.SeekOrigin;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vmtest.GuestDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The end of a namespace of 2^31 blocks, on each kind of handle; nothing beyond it is ever sent. */
final class LastBlockGuestTest {

  private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(60);
  private static final int BLOCK_BYTES = 512;

  private NvmeDevice device;
  private NvmeQueue queue;
  private NvmeHandle direct;
  private NvmeHandle buffered;
  private DmaBuffer buffer;

  /** One block, and two: the second one of a transfer at the last block is beyond. */
  private MemorySegment block;

  private MemorySegment two;
  private long size;
  private long last;

  @BeforeEach
  void open() throws IOException {
    device = NvmeDevice.open(GuestDevice.ONE_TIB.address());
    queue = device.createQueue();
    direct = queue.createHandle();
    buffered = queue.createHandle(HandleOption.BUFFERED);
    buffer = device.allocate(2 * BLOCK_BYTES);
    two = buffer.segment().asSlice(0, 2 * BLOCK_BYTES);
    block = two.asSlice(0, BLOCK_BYTES);
    size = device.sizeBytes();
    last = size - BLOCK_BYTES;
    assertThat(size).isEqualTo(1L << 40);
  }

  @AfterEach
  void close() throws IOException {
    buffered.close();
    direct.close();
    queue.close();
    buffer.close();
    device.close();
  }

  private byte[] lastBlock(NvmeHandle handle) throws IOException {
    MemorySegment read = MemorySegment.ofArray(new byte[BLOCK_BYTES]);
    handle.read(read, last);
    return read.toArray(ValueLayout.JAVA_BYTE);
  }

  private void assertRefused(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not within the device")
        .hasMessageContaining("size=" + size);
  }

  @Test
  void direct_lastBlock_andNothingBeyond() throws IOException {
    block.fill((byte) 1);
    direct.write(block, last);
    assertThat(lastBlock(direct)).containsOnly(1);
    assertThat(lastBlock(buffered)).containsOnly(1);
    assertRefused(() -> direct.write(block, size));
    assertRefused(() -> direct.read(block, size));
    assertRefused(() -> direct.write(two, last));
    assertRefused(() -> direct.read(block, Long.MAX_VALUE & -BLOCK_BYTES));
    assertRefused(() -> direct.writeZeroes(last, 2 * BLOCK_BYTES));
    assertRefused(() -> direct.discard(last, 2 * BLOCK_BYTES));
    assertThat(lastBlock(direct)).containsOnly(1);
  }

  @Test
  void buffered_lastByte_andNothingBeyond() throws IOException {
    block.fill((byte) 2);
    buffered.write(block, last);
    MemorySegment tail = MemorySegment.ofArray(new byte[] {7});
    buffered.write(tail, size - 1);
    buffered.flush();
    byte[] bytes = lastBlock(direct);
    assertThat(bytes[BLOCK_BYTES - 1]).isEqualTo((byte) 7);
    bytes[BLOCK_BYTES - 1] = 2;
    assertThat(bytes).containsOnly(2);
    assertRefused(() -> buffered.write(tail, size));
    assertRefused(() -> buffered.read(tail, size));
    assertRefused(() -> buffered.write(block, last + 1));
    assertRefused(() -> buffered.read(block, Long.MAX_VALUE - 1));
  }

  @Test
  void asynchronous_lastBlock_andNothingBeyond() throws Exception {
    AsyncIo operation = new AsyncIo();
    block.fill((byte) 3);
    assertThat(direct.write(operation, block, last)).isTrue();
    await(operation);
    block.fill((byte) 0);
    assertThat(direct.read(operation, block, last)).isTrue();
    await(operation);
    assertThat(block.toArray(ValueLayout.JAVA_BYTE)).containsOnly(3);
    assertRefused(() -> direct.write(operation, block, size));
    assertRefused(() -> direct.read(operation, two, last));
    assertRefused(() -> direct.readAsync(block, size));
    assertThat(operation.isInFlight()).isFalse();
    // An operation that was refused was none: the same object is used again, on the heap's memory
    // too.
    MemorySegment heap = MemorySegment.ofArray(new byte[BLOCK_BYTES]).fill((byte) 4);
    assertThat(direct.write(operation, heap, last)).isTrue();
    await(operation);
    assertThat(lastBlock(direct)).containsOnly(4);
  }

  private void await(AsyncIo operation) throws IOException {
    direct.ring();
    long start = System.nanoTime();
    while (!operation.isDone()) {
      direct.poll();
      assertThat(System.nanoTime() - start).isLessThan(TIMEOUT_NS);
    }
    operation.throwIfFailed();
  }

  /** At the end reading gives nothing and writing fails; across it both are short. */
  @Test
  void position_atTheEnd() throws IOException {
    for (NvmeHandle handle : List.of(direct, buffered)) {
      handle.seek(last, SeekOrigin.START);
      assertThat(handle.write(two)).isEqualTo(BLOCK_BYTES);
      assertThat(handle.position()).isEqualTo(size);
      assertThat(handle.read(two)).isZero();
      assertThatThrownBy(() -> handle.write(two))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("at the end of the device");
      handle.seek(last, SeekOrigin.START);
      assertThat(handle.read(two)).isEqualTo(BLOCK_BYTES);
    }
  }
}
