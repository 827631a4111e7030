package io.nvmedirect;

import io.nvmedirect.driver.Backoff;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaRegistry;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * I/O on the namespace of a device through a queue. Positions and lengths are in bytes and multiples
 * of {@link NvmeDevice#blockBytes}; any length up to the size of the device is one call.
 *
 * <p>Any memory works: a {@link DmaBuffer}, or native memory of a shared or automatic arena, is
 * transferred to and from directly; heap memory and the rest is copied. A handle may be used by any
 * thread that may use its queue.
 */
public final class NvmeHandle implements AutoCloseable {

  /** One per thread, for a thread is in one synchronous operation at a time. */
  private static final ThreadLocal<AsyncIo> SYNCHRONOUS = ThreadLocal.withInitial(AsyncIo::new);

  private static final long MAX_RANGE_BLOCKS = 0xFFFF_FFFFL;
  private static final int MAX_RANGES = 256;

  private final NvmeQueue queue;
  private final NvmeDevice device;
  private final Namespace namespace;
  private final boolean interrupt;
  private final int writeFlags;
  private final AtomicInteger outstanding = new AtomicInteger();
  private volatile boolean closed;

  NvmeHandle(NvmeQueue queue, EnumSet<HandleOption> options) {
    this.queue = queue;
    this.device = queue.device();
    this.namespace = device.ioNamespace();
    this.interrupt = options.contains(HandleOption.INTERRUPT);
    this.writeFlags = options.contains(HandleOption.FORCE_UNIT_ACCESS) ? Sqe.FUA : 0;
  }

  public NvmeDevice device() {
    return device;
  }

  public NvmeQueue queue() {
    return queue;
  }

  // ---- Synchronous operations.

  /**
   * Reads {@code to.byteSize()} bytes from {@code position}.
   *
   * @throws IllegalArgumentException if the range is misaligned or beyond the device, or the memory
   *     is read-only
   * @throws NvmeException if the device reports an error: the memory holds anything
   */
  public void read(MemorySegment to, long position) throws IOException {
    checkWritable(to);
    transfer(Opcode.READ, 0, to, position);
  }

  /**
   * Writes {@code from.byteSize()} bytes to {@code position}. They survive a power cut after the next
   * {@link #flush}.
   *
   * @throws IllegalArgumentException if the range is misaligned or beyond the device
   * @throws NvmeException if the device reports an error: the range holds old or new blocks
   */
  public void write(MemorySegment from, long position) throws IOException {
    transfer(Opcode.WRITE, writeFlags, from, position);
  }

  /**
   * Compares the bytes from {@code position} with {@code expected}, on the device.
   *
   * @return whether they are equal
   */
  public boolean compare(MemorySegment expected, long position) throws IOException {
    device.require(device.controller().supportsCompare(), Opcode.COMPARE);
    try {
      transfer(Opcode.COMPARE, 0, expected, position);
      return true;
    } catch (NvmeException e) {
      if (e.hasStatus() && Status.codes(e.status()) == Status.COMPARE_FAILURE) {
        return false;
      }
      throw e;
    }
  }

  /** Makes everything that was written before, by any handle, survive a power cut. */
  public void flush() throws IOException {
    AsyncIo io = synchronous();
    begin(io, false, Opcode.FLUSH, 0, 0);
    io.request().flush(namespace);
    runToEnd(io);
  }

  /**
   * Tells the device that a range is not needed any more; what it reads as then is up to the device.
   */
  public void discard(long position, long lengthBytes) throws IOException {
    checkRange(position, lengthBytes);
    device.require(device.controller().supportsDatasetManagement(), Opcode.DATASET_MANAGEMENT);
    long block = position >>> namespace.blockShift();
    long left = lengthBytes >>> namespace.blockShift();
    while (left > 0) {
      DmaBuffer ranges = device.bounces().take();
      int count = 0;
      long first = block;
      while (left > 0 && count < MAX_RANGES) {
        int blocks = (int) Math.min(left, MAX_RANGE_BLOCKS);
        Sqe.datasetRange(ranges.segment(), (long) count * Sqe.DSM_RANGE_BYTES, block, blocks);
        block += Integer.toUnsignedLong(blocks);
        left -= Integer.toUnsignedLong(blocks);
        count++;
      }
      AsyncIo io = synchronous();
      begin(io, false, Opcode.DATASET_MANAGEMENT, first << namespace.blockShift(), lengthBytes);
      ranges.acquire();
      io.direct(ranges);
      io.request().deallocate(namespace, count, ranges);
      try {
        runToEnd(io);
      } finally {
        device.giveBack(ranges);
      }
    }
  }

  /** Makes a range read as zeroes, without transferring any. */
  public void writeZeroes(long position, long lengthBytes) throws IOException {
    checkRange(position, lengthBytes);
    device.require(device.controller().supportsWriteZeroes(), Opcode.WRITE_ZEROES);
    range(Opcode.WRITE_ZEROES, writeFlags, position, lengthBytes);
  }

  /** Has the device check that a range can be read, without transferring it. */
  public void verify(long position, long lengthBytes) throws IOException {
    checkRange(position, lengthBytes);
    device.require(device.controller().supportsVerify(), Opcode.VERIFY);
    range(Opcode.VERIFY, 0, position, lengthBytes);
  }

  /**
   * Marks a range so that reading it fails with "Unrecovered Read Error" until it is written again:
   * for tests of how an application meets media errors.
   */
  public void writeUncorrectable(long position, long lengthBytes) throws IOException {
    checkRange(position, lengthBytes);
    device.require(device.controller().supportsWriteUncorrectable(), Opcode.WRITE_UNCORRECTABLE);
    range(Opcode.WRITE_UNCORRECTABLE, 0, position, lengthBytes);
  }

  private void range(int opcode, int flags, long position, long lengthBytes) throws IOException {
    if (lengthBytes == 0) {
      return;
    }
    int shift = namespace.blockShift();
    AsyncIo io = synchronous();
    begin(io, false, opcode, position, lengthBytes);
    io.request().range(opcode, namespace, flags, position >>> shift, lengthBytes >>> shift);
    runToEnd(io);
  }

  private void transfer(int opcode, int flags, MemorySegment memory, long position)
      throws IOException {
    long length = memory.byteSize();
    checkRange(position, length);
    if (length == 0) {
      return;
    }
    DmaBuffer direct = device.registry().acquire(memory);
    if (direct != null) {
      run(opcode, flags, position, length, direct, DmaRegistry.offset(direct, memory));
      return;
    }
    DmaBuffer bounce = device.bounces().take();
    try {
      for (long done = 0; done < length; ) {
        long window = Math.min(length - done, bounce.byteSize());
        if (opcode != Opcode.READ) {
          MemorySegment.copy(memory, done, bounce.segment(), 0, window);
        }
        bounce.acquire();
        run(opcode, flags, position + done, window, bounce, 0);
        if (opcode == Opcode.READ) {
          MemorySegment.copy(bounce.segment(), 0, memory, done, window);
        }
        done += window;
      }
    } finally {
      device.giveBack(bounce);
    }
  }

  /** {@code buffer} is acquired; the operation releases it. */
  private void run(int opcode, int flags, long position, long length, DmaBuffer buffer, long offset)
      throws IOException {
    int shift = namespace.blockShift();
    AsyncIo io = synchronous();
    begin(io, false, opcode, position, length);
    io.direct(buffer);
    io.request()
        .transfer(opcode, namespace, flags, position >>> shift, length >>> shift, buffer, offset);
    runToEnd(io);
  }

  private static AsyncIo synchronous() {
    AsyncIo io = SYNCHRONOUS.get();
    // A callback that runs while its thread waits may do synchronous I/O itself.
    return io.isInFlight() ? new AsyncIo() : io;
  }

  private void runToEnd(AsyncIo io) throws IOException {
    submitOrQueue(io);
    queue.await(io, interrupt);
    io.throwIfFailed();
  }

  // ---- Asynchronous operations.

  /**
   * Posts a read into a part of a buffer. The device sees it after the next {@link NvmeQueue#ring} or
   * {@link NvmeQueue#poll}.
   *
   * @param offset of the data in the buffer, a multiple of 4
   * @return false if the queue is full: nothing has happened
   * @throws NvmeException if the controller has failed for good
   */
  public boolean read(AsyncIo io, DmaBuffer buffer, long offset, long lengthBytes, long position)
      throws IOException {
    return post(io, Opcode.READ, 0, buffer, offset, lengthBytes, position);
  }

  /** Posts a write of a part of a buffer; otherwise like {@code read}. */
  public boolean write(AsyncIo io, DmaBuffer buffer, long offset, long lengthBytes, long position)
      throws IOException {
    return post(io, Opcode.WRITE, writeFlags, buffer, offset, lengthBytes, position);
  }

  /**
   * Posts a read into any memory. It stays alive and untouched until the operation is done.
   *
   * @return false if the queue is full: nothing has happened
   */
  public boolean read(AsyncIo io, MemorySegment to, long position) throws IOException {
    checkWritable(to);
    return post(io, Opcode.READ, 0, to, position, false);
  }

  /** Posts a write of any memory; otherwise like {@code read}. */
  public boolean write(AsyncIo io, MemorySegment from, long position) throws IOException {
    return post(io, Opcode.WRITE, writeFlags, from, position, false);
  }

  /** Posts a flush of what was completed before. */
  public boolean flush(AsyncIo io) throws IOException {
    begin(io, true, Opcode.FLUSH, 0, 0);
    io.request().flush(namespace);
    return submit(io);
  }

  /**
   * Reads into any memory; the future ends with an {@link NvmeException} if the device reports an
   * error. On a queue with manual completion somebody has to call {@link NvmeQueue#poll}.
   */
  public CompletableFuture<Void> readAsync(MemorySegment to, long position) throws IOException {
    checkWritable(to);
    return future(Opcode.READ, 0, to, position);
  }

  /** Writes any memory; otherwise like {@link #readAsync}. */
  public CompletableFuture<Void> writeAsync(MemorySegment from, long position) throws IOException {
    return future(Opcode.WRITE, writeFlags, from, position);
  }

  /** Flushes what was completed before; otherwise like {@link #readAsync}. */
  public CompletableFuture<Void> flushAsync() throws IOException {
    CompletableFuture<Void> future = new CompletableFuture<>();
    AsyncIo io = new AsyncIo(done -> complete(future, done));
    begin(io, true, Opcode.FLUSH, 0, 0);
    io.request().flush(namespace);
    submitOrQueue(io);
    queue.asyncSubmitted();
    return future;
  }

  private CompletableFuture<Void> future(int opcode, int flags, MemorySegment memory, long position)
      throws IOException {
    CompletableFuture<Void> future = new CompletableFuture<>();
    AsyncIo io = new AsyncIo(done -> complete(future, done));
    post(io, opcode, flags, memory, position, true);
    return future;
  }

  private static void complete(CompletableFuture<Void> future, AsyncIo io) {
    try {
      io.throwIfFailed();
      future.complete(null);
    } catch (NvmeException e) {
      future.completeExceptionally(e);
    }
  }

  private boolean post(
      AsyncIo io,
      int opcode,
      int flags,
      DmaBuffer buffer,
      long offset,
      long lengthBytes,
      long position)
      throws IOException {
    checkRange(position, lengthBytes);
    checkNotEmpty(lengthBytes);
    Objects.checkFromIndexSize(offset, lengthBytes, buffer.byteSize());
    if ((offset & 3) != 0) {
      throw new IllegalArgumentException("the offset is no multiple of 4: offset=" + offset);
    }
    buffer.acquire();
    try {
      begin(io, true, opcode, position, lengthBytes);
    } catch (RuntimeException e) {
      buffer.release();
      throw e;
    }
    int shift = namespace.blockShift();
    io.direct(buffer);
    io.request()
        .transfer(
            opcode, namespace, flags, position >>> shift, lengthBytes >>> shift, buffer, offset);
    return submit(io);
  }

  private boolean post(
      AsyncIo io, int opcode, int flags, MemorySegment memory, long position, boolean queueIfFull)
      throws IOException {
    long length = memory.byteSize();
    checkRange(position, length);
    checkNotEmpty(length);
    begin(io, true, opcode, position, length);
    try {
      prepare(io, opcode, flags, memory, position);
    } catch (IOException | RuntimeException e) {
      abandon(io);
      throw e;
    }
    if (!queueIfFull) {
      return submit(io);
    }
    submitOrQueue(io);
    queue.asyncSubmitted();
    return true;
  }

  private void prepare(AsyncIo io, int opcode, int flags, MemorySegment memory, long position)
      throws IOException {
    int shift = namespace.blockShift();
    DmaBuffer direct = device.registry().acquire(memory);
    if (direct != null) {
      io.direct(direct);
      long offset = DmaRegistry.offset(direct, memory);
      long blocks = memory.byteSize() >>> shift;
      io.request().transfer(opcode, namespace, flags, position >>> shift, blocks, direct, offset);
      return;
    }
    if (!queue.isConfined() && !DmaRegistry.isShared(memory)) {
      throw new IllegalArgumentException(
          "memory of a confined arena needs a confined queue, for another thread may complete the"
              + " operation: "
              + memory);
    }
    DmaBuffer buffer = device.bounces().take();
    Bounce bounce =
        new Bounce(
            queue, namespace, io.request(), opcode, flags, position >>> shift, memory, buffer);
    io.bounced(bounce);
    bounce.prepareWindow();
  }

  // ---- The life of an operation.

  private void begin(
      AsyncIo io, boolean asynchronous, int opcode, long position, long lengthBytes) {
    io.begin(this, asynchronous, opcode, position, lengthBytes);
    // Counted before the look, so that a close at the same time waits for it or is seen here.
    outstanding.incrementAndGet();
    if (asynchronous) {
      queue.asyncBegins();
    }
    if (closed) {
      abandon(io);
      throw new IllegalStateException("the handle is closed: " + device.address());
    }
  }

  private void abandon(AsyncIo io) {
    io.cancel();
    operationEnds(io.isAsynchronous());
  }

  private boolean submit(AsyncIo io) throws IOException {
    boolean submitted = false;
    try {
      submitted = queue.submit(io.request());
    } finally {
      if (!submitted) {
        abandon(io);
      }
    }
    if (submitted) {
      queue.asyncSubmitted();
    }
    return submitted;
  }

  private void submitOrQueue(AsyncIo io) throws IOException {
    boolean submitted = false;
    try {
      queue.submitOrQueue(io.request());
      submitted = true;
    } finally {
      if (!submitted) {
        abandon(io);
      }
    }
  }

  void operationEnds(boolean asynchronous) {
    if (asynchronous) {
      queue.asyncEnds();
    }
    outstanding.decrementAndGet();
  }

  private void checkRange(long position, long lengthBytes) {
    long size = namespace.sizeBytes();
    int mask = namespace.blockBytes() - 1;
    if (((position | lengthBytes) & mask) != 0) {
      throw new IllegalArgumentException(
          "position and length must be multiples of the block of %d bytes: position=%d, length=%d"
              .formatted(mask + 1, position, lengthBytes));
    }
    if (position < 0 || lengthBytes < 0 || lengthBytes > size - position) {
      throw new IllegalArgumentException(
          "the range is not within the device: position=%d, length=%d, size=%d"
              .formatted(position, lengthBytes, size));
    }
  }

  private static void checkNotEmpty(long lengthBytes) {
    if (lengthBytes == 0) {
      throw new IllegalArgumentException(
          "an asynchronous operation has at least one block: length=0");
    }
  }

  private static void checkWritable(MemorySegment to) {
    if (to.isReadOnly()) {
      throw new IllegalArgumentException("the memory to read into is read-only: " + to);
    }
  }

  /** Waits for the operations in flight and closes the handle. Idempotent. */
  @Override
  public void close() {
    synchronized (outstanding) {
      if (closed) {
        return;
      }
      closed = true;
    }
    for (int idle = 0; outstanding.get() > 0; idle++) {
      if (queue.pollWhileWaiting() > 0) {
        idle = -1;
      } else {
        Backoff.idle(idle);
      }
    }
    queue.handleClosed();
  }

  /** Operations submitted and not done. */
  public int outstanding() {
    return outstanding.get();
  }
}
