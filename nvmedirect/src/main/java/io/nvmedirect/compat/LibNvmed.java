package io.nvmedirect.compat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.SeekOrigin;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.transport.StackRoom;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * NVMeDirect's C API, call for call: the names, flags and return codes of C, and {@code null} where C
 * returns NULL. No call throws, but {@link #nvmed_put_buffer}; after a failure {@link
 * #nvmed_last_error} says why. Positions and lengths are in bytes. Any thread may call anything.
 *
 * <p>{@code docs/api.md} has what each call does in full, and its counterpart in {@link
 * io.nvmedirect}.
 */
@SuppressWarnings("MemberName") // named as in C
public final class LibNvmed {

  /** {@link #nvmed_open}: no block cache. */
  public static final int NVMED_NO_CACHE = 1;

  /** Device feature: pages of 4096 bytes that the block cache may hold. */
  public static final int NVMED_CACHE_SIZE = 2;

  /**
   * {@link #nvmed_open}, and a device feature: the cache allocates its memory when it is first needed.
   */
  public static final int NVMED_CACHE_LAZY_INIT = 4;

  /** {@link #nvmed_queue_create}: no completion thread touches the queue. */
  public static final int QUEUE_MANUAL_COMPLETION = 1;

  /** {@link #nvmed_queue_create}: for handles with {@link #HANDLE_INTERRUPT}. */
  public static final int QUEUE_INTERRUPT = 2;

  /** Handle: past the cache, in whole blocks. */
  public static final int HANDLE_DIRECT_IO = 1;

  /** Handle: a write is on the device before the call returns. */
  public static final int HANDLE_SYNC_IO = 2;

  /** Handle: a hint, kept; buffers of {@link #nvmed_get_buffer} are never copied, with it or without. */
  public static final int HANDLE_HINT_DMEM = 4;

  /** Handle: has several queues; not to be set. */
  public static final int HANDLE_MQ = 8;

  /** Handle: waits for interrupts instead of polling; needs {@link #QUEUE_INTERRUPT}. */
  public static final int HANDLE_INTERRUPT = 16;

  /** The context is queued. */
  public static final int AIO_INIT = 0;

  /** The context is on its way. */
  public static final int AIO_PROCESS = 2;

  /** The context is done. */
  public static final int AIO_COMPLETE = 4;

  public static final int NVMED_SUCCESS = 0;

  /** Returned negated, like all that follow: the call failed. */
  public static final int NVMED_FAULT = 1;

  /** There is no such device, queue or handle any more. */
  public static final int NVMED_NOENTRY = 2;

  public static final int NVMED_EXCEEDLIMIT = 3;
  public static final int NVMED_NOPERM = 4;
  public static final int NVMED_OVERQUOTA = 5;
  public static final int NVMED_INVALID = 6;

  /** {@link #nvmed_lseek}: from the beginning of the device. */
  public static final int SEEK_SET = 0;

  /** {@link #nvmed_lseek}: from the position. */
  public static final int SEEK_CUR = 1;

  /** {@link #nvmed_lseek}: from the end of the device, backwards. */
  public static final int SEEK_END = 2;

  private LibNvmed() {}

  /** Why the calling thread's last call failed that did; null if none has. */
  public static @Nullable NvmeException nvmed_last_error() {
    return LastError.get();
  }

  static void checkFlags(int flags, int known) {
    if ((flags & ~known) != 0) {
      throw new IllegalArgumentException(
          "unknown flags: 0x%x of 0x%x".formatted(flags & ~known, flags));
    }
  }

  // ---- Devices.

  /**
   * Opens a device.
   *
   * @param path any address that {@link NvmeDevice#open(String)} takes
   * @param flags {@link #NVMED_NO_CACHE}, {@link #NVMED_CACHE_LAZY_INIT}
   * @return null if that fails
   */
  public static @Nullable NVMED nvmed_open(@Nullable String path, int flags) {
    StackRoom.checkForCalls();
    try {
      return NVMED.open(path, flags);
    } catch (IOException | RuntimeException e) {
      LastError.set(e);
      return null;
    }
  }

  /**
   * Writes what the cache has and closes the device.
   *
   * @return 0; −1 while a queue is open, or if the cache cannot be written: the device stays open; −2
   *     for null or a closed device
   */
  public static int nvmed_close(@Nullable NVMED nvmed) {
    StackRoom.checkForCalls();
    try {
      return nvmed != null && nvmed.close() ? NVMED_SUCCESS : LastError.noEntry("no open device");
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * The value of a feature.
   *
   * @param feature {@link #NVMED_CACHE_SIZE} or {@link #NVMED_CACHE_LAZY_INIT}
   * @return 0 for an unknown feature; −1 for null or a closed device
   */
  public static int nvmed_feature_get(@Nullable NVMED nvmed, int feature) {
    try {
      return NVMED.feature(NVMED.live(nvmed), feature);
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Sets a feature.
   *
   * @return the resulting value, the old one if it cannot be set; −1 for null or a closed device
   */
  public static int nvmed_feature_set(@Nullable NVMED nvmed, int feature, int value) {
    StackRoom.checkForCalls();
    try {
      NvmeDevice device = NVMED.live(nvmed);
      try {
        NVMED.feature(device, feature, value);
      } catch (IOException | RuntimeException e) {
        LastError.set(e);
      }
      return NVMED.feature(device, feature);
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Allocates memory that the device reaches without a copy, zeroed.
   *
   * @param num_pages pages of 4096 bytes, at least 1
   * @return null if that fails
   */
  public static @Nullable MemorySegment nvmed_get_buffer(@Nullable NVMED nvmed, int num_pages) {
    StackRoom.checkForCalls();
    try {
      return Buffers.get(NVMED.live(nvmed), num_pages);
    } catch (IOException | RuntimeException e) {
      LastError.set(e);
      return null;
    }
  }

  /**
   * Frees a buffer, now or when the last command that uses it ends. Of null: does nothing.
   *
   * @throws IllegalArgumentException if the memory is not a live buffer of {@link #nvmed_get_buffer}
   */
  public static void nvmed_put_buffer(@Nullable MemorySegment ptr) {
    StackRoom.checkForCalls();
    if (ptr != null && !ptr.equals(MemorySegment.NULL)) {
      Buffers.put(ptr);
    }
  }

  // ---- Queues.

  /**
   * Creates a queue.
   *
   * @param flags {@link #QUEUE_MANUAL_COMPLETION}, {@link #QUEUE_INTERRUPT}
   * @return null if that fails
   */
  public static @Nullable NVMED_QUEUE nvmed_queue_create(@Nullable NVMED nvmed, int flags) {
    StackRoom.checkForCalls();
    try {
      return NVMED_QUEUE.create(NVMED.live(nvmed), flags);
    } catch (IOException | RuntimeException e) {
      LastError.set(e);
      return null;
    }
  }

  /**
   * Destroys a queue.
   *
   * @return 0; −1 while a handle is on it: it stays; −2 for null or a destroyed queue
   */
  public static int nvmed_queue_destroy(@Nullable NVMED_QUEUE queue) {
    StackRoom.checkForCalls();
    try {
      return queue != null && queue.destroy() ? NVMED_SUCCESS : LastError.noEntry("no open queue");
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  // ---- Handles.

  /**
   * Creates a handle on a queue.
   *
   * @param flags {@link #HANDLE_DIRECT_IO}, {@link #HANDLE_SYNC_IO}, {@link #HANDLE_INTERRUPT}, {@link
   *     #HANDLE_HINT_DMEM}
   * @return null if that fails
   */
  public static @Nullable NVMED_HANDLE nvmed_handle_create(@Nullable NVMED_QUEUE queue, int flags) {
    StackRoom.checkForCalls();
    try {
      return NVMED_HANDLE.create(queue, flags);
    } catch (IOException | RuntimeException e) {
      LastError.set(e);
      return null;
    }
  }

  /**
   * Creates a handle on several queues of a device.
   *
   * @param num_queue how many of {@code queues} to use, from the first on
   * @param func chooses the queue of each command
   * @return null if that fails
   */
  public static @Nullable NVMED_HANDLE nvmed_handle_create_mq(
      @Nullable NVMED_QUEUE @Nullable [] queues,
      int num_queue,
      int flags,
      @Nullable NVMED_MQ_SELECTOR func) {
    StackRoom.checkForCalls();
    try {
      return NVMED_HANDLE.create(queues, num_queue, flags, func);
    } catch (IOException | RuntimeException e) {
      LastError.set(e);
      return null;
    }
  }

  /**
   * Waits for the handle's I/O and destroys it.
   *
   * @return 0; −2 for null, a destroyed or a multi-queue handle; −1 in a callback while there is I/O
   */
  public static int nvmed_handle_destroy(@Nullable NVMED_HANDLE handle) {
    return destroy(handle, false);
  }

  /** {@link #nvmed_handle_destroy} for a multi-queue handle, and only for one. */
  public static int nvmed_handle_destroy_mq(@Nullable NVMED_HANDLE handle) {
    return destroy(handle, true);
  }

  private static int destroy(@Nullable NVMED_HANDLE handle, boolean multiQueue) {
    StackRoom.checkForCalls();
    try {
      return handle != null && handle.isMultiQueue() == multiQueue && handle.destroy()
          ? NVMED_SUCCESS
          : LastError.noEntry("no open handle of this kind");
    } catch (RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Sets a flag, for the next call on.
   *
   * @param flags one flag
   * @return the resulting value of the flag, 0 or 1; −1 for null or a destroyed handle
   */
  public static int nvmed_handle_feature_set(
      @Nullable NVMED_HANDLE handle, int flags, boolean value) {
    StackRoom.checkForCalls();
    try {
      NVMED_HANDLE live = NVMED_HANDLE.live(handle);
      try {
        live.feature(flags, value);
      } catch (RuntimeException e) {
        LastError.set(e);
      }
      return live.feature(flags);
    } catch (IOException e) {
      return LastError.fault(e);
    }
  }

  /** The value of a flag, 0 or 1; −1 for null or a destroyed handle. */
  public static int nvmed_handle_feature_get(@Nullable NVMED_HANDLE handle, int flags) {
    try {
      return NVMED_HANDLE.live(handle).feature(flags);
    } catch (IOException e) {
      return LastError.fault(e);
    }
  }

  // ---- I/O.

  /**
   * Moves the position.
   *
   * @param whence {@link #SEEK_SET}, {@link #SEEK_CUR}, or {@link #SEEK_END}: the size minus {@code
   *     offset}
   * @return the new position; −1 if it would not be within the device, or not at a block on a direct
   *     handle: the position stays
   */
  public static long nvmed_lseek(@Nullable NVMED_HANDLE handle, long offset, int whence) {
    try {
      SeekOrigin origin =
          switch (whence) {
            case SEEK_SET -> SeekOrigin.START;
            case SEEK_CUR -> SeekOrigin.CURRENT;
            case SEEK_END -> SeekOrigin.END;
            default -> throw new IllegalArgumentException("whence is 0 to 2: whence=" + whence);
          };
      return NVMED_HANDLE.live(handle).handle().seek(offset, origin);
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Reads at the position and moves it.
   *
   * @return bytes read: fewer than {@code count} across the end of the device, 0 there; −1 if it fails
   */
  public static long nvmed_read(
      @Nullable NVMED_HANDLE handle, @Nullable MemorySegment buf, long count) {
    try {
      return NVMED_HANDLE.live(handle).read(buf, count);
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Writes at the position and moves it.
   *
   * @return bytes written: fewer than {@code count} across the end of the device; −1 there, or if it
   *     fails
   */
  public static long nvmed_write(
      @Nullable NVMED_HANDLE handle, @Nullable MemorySegment buf, long count) {
    try {
      return NVMED_HANDLE.live(handle).write(buf, count);
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /** {@link #nvmed_read} at an offset; the position stays. */
  public static long nvmed_pread(
      @Nullable NVMED_HANDLE handle, @Nullable MemorySegment buf, long count, long offset) {
    try {
      return NVMED_HANDLE.live(handle).read(buf, count, offset);
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /** {@link #nvmed_write} at an offset; the position stays. */
  public static long nvmed_pwrite(
      @Nullable NVMED_HANDLE handle, @Nullable MemorySegment buf, long count, long offset) {
    try {
      return NVMED_HANDLE.live(handle).write(buf, count, offset);
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Waits for all queued writes, writes what the cache has, and has the device make it survive a power
   * cut.
   *
   * @return 0; −1 if any of it failed since the last flush
   */
  public static int nvmed_flush(@Nullable NVMED_HANDLE handle) {
    try {
      NVMED_HANDLE.live(handle).handle().flush();
      return NVMED_SUCCESS;
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Tells the device that a range of whole blocks is not needed any more.
   *
   * @return 0; −1 if it is misaligned, out of range, or refused
   */
  public static int nvmed_discard(@Nullable NVMED_HANDLE handle, long start, long len) {
    try {
      NVMED_HANDLE.live(handle).handle().discard(start, len);
      return NVMED_SUCCESS;
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  // ---- Asynchronous I/O.

  /**
   * Queues a read.
   *
   * @return 0; −1 if the context is in flight or not right: it stays as it is, and no callback comes
   */
  public static int nvmed_aio_read(@Nullable NVMED_AIO_CTX context) {
    return submit(context, Opcode.READ);
  }

  /** Queues a write; otherwise like {@link #nvmed_aio_read}. */
  public static int nvmed_aio_write(@Nullable NVMED_AIO_CTX context) {
    return submit(context, Opcode.WRITE);
  }

  private static int submit(@Nullable NVMED_AIO_CTX context, int opcode) {
    StackRoom.checkForCalls();
    try {
      if (context == null) {
        throw new NvmeException("the context is null");
      }
      context.submit(opcode);
      return NVMED_SUCCESS;
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Shows what is queued to the device.
   *
   * @return contexts submitted on this handle since the last call; −1 for null or a destroyed handle
   */
  public static int nvmed_aio_queue_submit(@Nullable NVMED_HANDLE handle) {
    StackRoom.checkForCalls();
    try {
      return NVMED_HANDLE.live(handle).aio().submit();
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }

  /**
   * Shows what is queued to the device, takes what is done and runs its callbacks. Never blocks.
   *
   * @return contexts of this handle completed since the last call; −1 for null or a destroyed handle
   */
  public static int nvmed_aio_handle_complete(@Nullable NVMED_HANDLE handle) {
    StackRoom.checkForCalls();
    try {
      return NVMED_HANDLE.live(handle).aio().complete();
    } catch (IOException | RuntimeException e) {
      return LastError.fault(e);
    }
  }
}
