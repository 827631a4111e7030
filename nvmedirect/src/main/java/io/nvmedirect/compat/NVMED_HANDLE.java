package io.nvmedirect.compat;

import io.nvmedirect.HandleOption;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * I/O through one or several queues. Any thread may use it.
 *
 * <p>Each flag of C stands for options of its own: not {@code DIRECT_IO} is {@code BUFFERED}, {@code
 * SYNC_IO} is {@code WRITE_THROUGH}, and its absence {@code WRITE_BEHIND}. A buffered handle does not
 * look at the latter, a direct one not at the former, so setting a flag changes what the handle does in
 * one step, whatever the other flags are.
 */
public final class NVMED_HANDLE {

  private static final int FLAGS =
      LibNvmed.HANDLE_DIRECT_IO
          | LibNvmed.HANDLE_SYNC_IO
          | LibNvmed.HANDLE_HINT_DMEM
          | LibNvmed.HANDLE_INTERRUPT;

  private final NvmeHandle handle;
  private final boolean multiQueue;
  private final AioBatch aio;
  private final AtomicBoolean destroyed = new AtomicBoolean();

  /** Changed with the options of the handle, under this object's lock. */
  private volatile int flags;

  private NVMED_HANDLE(NvmeQueue queue, int flags) {
    this.multiQueue = false;
    this.handle = queue.createHandle();
    this.aio = new AioBatch(handle, queue.depth());
    this.flags = flags;
  }

  private NVMED_HANDLE(List<NvmeQueue> queues, NVMED_MQ_SELECTOR selector, int flags) {
    this.multiQueue = true;
    this.handle =
        queues
            .getFirst()
            .device()
            .createHandle(
                queues,
                (ignored, opcode, position, length) -> select(selector, opcode, position, length));
    this.aio = new AioBatch(handle, queues.stream().mapToInt(NvmeQueue::depth).min().getAsInt());
    this.flags = flags | LibNvmed.HANDLE_MQ;
  }

  static NVMED_HANDLE create(@Nullable NVMED_QUEUE queue, int flags) throws IOException {
    LibNvmed.checkFlags(flags, FLAGS);
    return new NVMED_HANDLE(NVMED_QUEUE.of(queue), flags).withOptions();
  }

  static NVMED_HANDLE create(
      @Nullable NVMED_QUEUE @Nullable [] queues,
      int count,
      int flags,
      @Nullable NVMED_MQ_SELECTOR selector)
      throws IOException {
    LibNvmed.checkFlags(flags, FLAGS | LibNvmed.HANDLE_MQ);
    if (queues == null || selector == null) {
      throw new NvmeException("the queues or the selector are null");
    }
    if (count < 1 || count > queues.length) {
      throw new IllegalArgumentException(
          "the number of queues is 1 to the length of the array: num_queue=%d, length=%d"
              .formatted(count, queues.length));
    }
    NvmeQueue[] chosen = new NvmeQueue[count];
    for (int i = 0; i < count; i++) {
      chosen[i] = NVMED_QUEUE.of(queues[i]);
    }
    return new NVMED_HANDLE(List.of(chosen), selector, flags).withOptions();
  }

  private NVMED_HANDLE withOptions() {
    try {
      handle.set(HandleOption.INTERRUPT, has(LibNvmed.HANDLE_INTERRUPT));
    } catch (IllegalArgumentException e) {
      handle.close();
      throw e;
    }
    handle.set(HandleOption.BUFFERED, !has(LibNvmed.HANDLE_DIRECT_IO));
    synchronous(has(LibNvmed.HANDLE_SYNC_IO));
    return this;
  }

  private NvmeQueue select(NVMED_MQ_SELECTOR selector, int opcode, long position, int length) {
    NVMED_QUEUE chosen = selector.select(this, (byte) opcode, position, length);
    if (chosen == null) {
      throw new IllegalArgumentException("the selector chose no queue");
    }
    return chosen.queue();
  }

  /** The handle, if it is not destroyed. */
  static NVMED_HANDLE live(@Nullable NVMED_HANDLE handle) throws NvmeException {
    if (handle == null) {
      throw new NvmeException("the handle is null");
    }
    if (handle.destroyed.get()) {
      throw new NvmeException("the handle is destroyed: " + handle.handle.device().address());
    }
    return handle;
  }

  NvmeHandle handle() {
    return handle;
  }

  AioBatch aio() {
    return aio;
  }

  boolean isMultiQueue() {
    return multiQueue;
  }

  /**
   * Waits for the handle's I/O and closes it; false if it was destroyed before.
   *
   * @throws IllegalStateException in a callback while there is I/O, which might wait for the callback
   */
  boolean destroy() {
    if (destroyed.get()) {
      return false;
    }
    if (NVMED_AIO_CTX.isInCallback() && handle.outstanding() > 0) {
      throw new IllegalStateException(
          "a callback cannot destroy a handle with I/O outstanding: " + handle.outstanding());
    }
    if (!destroyed.compareAndSet(false, true)) {
      return false;
    }
    handle.close();
    return true;
  }

  // ---- Features.

  private boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** 0 or 1. */
  int feature(int flag) {
    return Integer.bitCount(flag) == 1 && has(flag) ? 1 : 0;
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // under the lock
  synchronized void feature(int flag, boolean value) {
    switch (flag) {
      case LibNvmed.HANDLE_DIRECT_IO -> handle.set(HandleOption.BUFFERED, !value);
      case LibNvmed.HANDLE_SYNC_IO -> synchronous(value);
      case LibNvmed.HANDLE_INTERRUPT -> handle.set(HandleOption.INTERRUPT, value);
      case LibNvmed.HANDLE_HINT_DMEM -> {
        // Only a note: a buffer of nvmed_get_buffer is never copied.
      }
      default -> throw new IllegalArgumentException("this flag of a handle cannot be set: " + flag);
    }
    flags = value ? flags | flag : flags & ~flag;
  }

  private void synchronous(boolean value) {
    handle.set(HandleOption.WRITE_THROUGH, value);
    handle.set(HandleOption.WRITE_BEHIND, !value);
  }

  // ---- I/O.

  long read(@Nullable MemorySegment buffer, long count) throws IOException {
    MemorySegment to = slice(buffer, count);
    checkAligned(count);
    return count == 0 ? 0 : handle.read(to);
  }

  long write(@Nullable MemorySegment buffer, long count) throws IOException {
    MemorySegment from = slice(buffer, count);
    checkAligned(count);
    return count == 0 ? 0 : handle.write(from);
  }

  long read(@Nullable MemorySegment buffer, long count, long offset) throws IOException {
    MemorySegment to = slice(buffer, count);
    long length = Math.min(count, bytesFrom(offset));
    if (count > 0) {
      checkAligned(count | offset);
      handle.read(to.asSlice(0, length), offset);
    }
    return length;
  }

  long write(@Nullable MemorySegment buffer, long count, long offset) throws IOException {
    MemorySegment from = slice(buffer, count);
    long length = Math.min(count, bytesFrom(offset));
    if (count > 0) {
      checkAligned(count | offset);
      if (length == 0) {
        throw new NvmeException("the offset is at the end of the device: offset=" + offset);
      }
      handle.write(from.asSlice(0, length), offset);
    }
    return length;
  }

  private static MemorySegment slice(@Nullable MemorySegment buffer, long count)
      throws NvmeException {
    if (buffer == null) {
      throw new NvmeException("the buffer is null");
    }
    if (count < 0 || count > buffer.byteSize()) {
      throw new IllegalArgumentException(
          "the count is 0 to the size of the buffer: count=%d, size=%d"
              .formatted(count, buffer.byteSize()));
    }
    return count == buffer.byteSize() ? buffer : buffer.asSlice(0, count);
  }

  /** What is asked for is aligned, not only what is left of it at the end of the device. */
  private void checkAligned(long bytes) {
    int block = handle.device().blockBytes();
    if (has(LibNvmed.HANDLE_DIRECT_IO) && bytes % block != 0) {
      throw new IllegalArgumentException(
          "direct I/O is in multiples of the block of %d bytes".formatted(block));
    }
  }

  private long bytesFrom(long offset) {
    NvmeDevice device = handle.device();
    if (offset < 0 || offset > device.sizeBytes()) {
      throw new IllegalArgumentException(
          "the offset is not within the device: offset=%d, size=%d"
              .formatted(offset, device.sizeBytes()));
    }
    return device.sizeBytes() - offset;
  }
}
