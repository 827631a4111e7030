package io.nvmedirect.compat;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An asynchronous operation: fill in {@link #handle}, {@link #start_lba}, {@link #len} and {@link
 * #buf}, and submit it with {@link LibNvmed#nvmed_aio_read} or {@link LibNvmed#nvmed_aio_write}. Once
 * it is done it may be submitted again, from its own callback too. The fields are read when it is
 * submitted, and may change afterwards; the buffer is the device's until it is done.
 */
@SuppressWarnings("MemberName") // named as in C
public final class NVMED_AIO_CTX {

  private static final System.Logger LOG = SafeLogger.of(NVMED_AIO_CTX.class);

  /** Callbacks that this thread is in: one may complete others. */
  private static final ThreadLocal<int[]> CALLBACKS = ThreadLocal.withInitial(() -> new int[1]);

  /** What to do I/O through. */
  public @Nullable NVMED_HANDLE handle;

  /** Where, in bytes from the beginning of the device, in spite of its name; whole blocks. */
  public long start_lba;

  /** How much, in bytes; at least one block, whole blocks. */
  public long len;

  /** From or to where. */
  public @Nullable MemorySegment buf;

  /** Called when the operation is done; may be null. */
  public @Nullable NVMED_AIO_CALLBACK aio_callback;

  /** Given to the callback. */
  public @Nullable Object cb_userdata;

  /** The application's. */
  public @Nullable Object private_data;

  /**
   * {@link LibNvmed#AIO_INIT}, {@link LibNvmed#AIO_PROCESS} or {@link LibNvmed#AIO_COMPLETE}; the last
   * is seen after {@link #error} and the data.
   */
  public volatile int status;

  /** 0 or the NVMe status, which {@link io.nvmedirect.spec.Status} reads; of the last that is done. */
  public volatile int error;

  private final AsyncIo io = new AsyncIo(this::ended);

  /** Guards the status with what is below. */
  private final Object lock = new Object();

  /** The batch of the operation in flight; null if there is none. */
  private @Nullable AioBatch batch;

  private @Nullable NVMED_AIO_CALLBACK callback;
  private @Nullable Object userdata;

  /** A context to be filled in. */
  public NVMED_AIO_CTX() {}

  /** Whether the calling thread is in a callback. */
  static boolean isInCallback() {
    return CALLBACKS.get()[0] > 0;
  }

  /** Queues the operation. If this throws, nothing has changed and no callback comes. */
  void submit(int opcode) throws IOException {
    NVMED_HANDLE target = NVMED_HANDLE.live(handle);
    MemorySegment memory = buf;
    long position = start_lba;
    long length = len;
    if (memory == null) {
      throw new NvmeException("the buffer is null");
    }
    if (length <= 0 || length > memory.byteSize()) {
      throw new IllegalArgumentException(
          "the length is 1 to the size of the buffer: len=%d, size=%d"
              .formatted(length, memory.byteSize()));
    }
    AioBatch toBatch = target.aio();
    int before = begin(toBatch);
    boolean queued = false;
    try {
      NvmeHandle through = target.handle();
      if (opcode == Opcode.READ) {
        through.enqueueRead(io, memory.asSlice(0, length), position);
      } else {
        through.enqueueWrite(io, memory.asSlice(0, length), position);
      }
      queued = true;
    } finally {
      if (!queued) {
        cancel(before);
      }
    }
    toBatch.queued(this, length);
  }

  /** Takes the context for an operation, and gives its status before. */
  private int begin(AioBatch toBatch) {
    synchronized (lock) {
      if (batch != null) {
        throw new IllegalStateException("the context is still in flight");
      }
      batch = toBatch;
      callback = aio_callback;
      userdata = cb_userdata;
      int before = status;
      // Before it is queued, for it may be done before that returns.
      status = LibNvmed.AIO_INIT;
      return before;
    }
  }

  private void cancel(int before) {
    synchronized (lock) {
      batch = null;
      status = before;
    }
  }

  /** The batch is about to go to the device. */
  void process(AioBatch ofBatch) {
    synchronized (lock) {
      if (ofBatch.equals(batch) && status == LibNvmed.AIO_INIT) {
        status = LibNvmed.AIO_PROCESS;
      }
    }
  }

  private void ended(AsyncIo done) {
    AioBatch ofBatch;
    NVMED_AIO_CALLBACK told;
    Object data;
    synchronized (lock) {
      ofBatch = Objects.requireNonNull(batch);
      told = callback;
      data = userdata;
      callback = null;
      userdata = null;
      batch = null;
      error = done.status();
      status = LibNvmed.AIO_COMPLETE;
    }
    // From here on the context may be submitted again by whoever sees the status.
    try {
      if (told != null) {
        call(told, data);
      }
    } finally {
      // Counted last, so that whoever has counted a context knows that its callback has returned.
      ofBatch.completed();
    }
  }

  private void call(NVMED_AIO_CALLBACK told, @Nullable Object data) {
    int[] callbacks = CALLBACKS.get();
    callbacks[0]++;
    try {
      told.completed(this, data);
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.ERROR, "the callback of an asynchronous operation threw", e);
    } finally {
      callbacks[0]--;
    }
  }
}
