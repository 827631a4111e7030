package io.nvmedirect;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.concurrent.CompletableFuture;

/**
 * I/O on the namespace of a device through a queue. Positions and lengths are in bytes and multiples
 * of {@link NvmeDevice#blockBytes}; any length up to the size of the device is one call.
 *
 * <p>Any memory works: a {@link DmaBuffer}, or native memory of a shared or automatic arena, is
 * transferred to and from directly; heap memory and the rest is copied. A handle may be used by any
 * thread that may use its queue.
 */
public final class NvmeHandle implements AutoCloseable {

  private final NvmeQueue queue;
  private final NvmeDevice device;
  private final DirectIo io;
  private final int writeFlags;

  NvmeHandle(NvmeQueue queue, EnumSet<HandleOption> options) {
    this.queue = queue;
    this.device = queue.device();
    this.io = new DirectIo(queue, options.contains(HandleOption.INTERRUPT));
    this.writeFlags = options.contains(HandleOption.FORCE_UNIT_ACCESS) ? Sqe.FUA : 0;
  }

  public NvmeDevice device() {
    return device;
  }

  public NvmeQueue queue() {
    return queue;
  }

  /** Operations submitted and not done. */
  public int outstanding() {
    return io.outstanding();
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
    io.transfer(Opcode.READ, 0, to, position);
  }

  /**
   * Writes {@code from.byteSize()} bytes to {@code position}. They survive a power cut after the next
   * {@link #flush}.
   *
   * @throws IllegalArgumentException if the range is misaligned or beyond the device
   * @throws NvmeException if the device reports an error: the range holds old or new blocks
   */
  public void write(MemorySegment from, long position) throws IOException {
    io.transfer(Opcode.WRITE, writeFlags, from, position);
  }

  /**
   * Compares the bytes from {@code position} with {@code expected}, on the device.
   *
   * @return whether they are equal
   */
  public boolean compare(MemorySegment expected, long position) throws IOException {
    device.require(device.controller().supportsCompare(), Opcode.COMPARE);
    try {
      io.transfer(Opcode.COMPARE, 0, expected, position);
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
    io.flush();
  }

  /**
   * Tells the device that a range is not needed any more; what it reads as then is up to the device.
   */
  public void discard(long position, long lengthBytes) throws IOException {
    device.require(device.controller().supportsDatasetManagement(), Opcode.DATASET_MANAGEMENT);
    io.deallocate(position, lengthBytes);
  }

  /** Makes a range read as zeroes, without transferring any. */
  public void writeZeroes(long position, long lengthBytes) throws IOException {
    device.require(device.controller().supportsWriteZeroes(), Opcode.WRITE_ZEROES);
    io.range(Opcode.WRITE_ZEROES, writeFlags, position, lengthBytes);
  }

  /** Has the device check that a range can be read, without transferring it. */
  public void verify(long position, long lengthBytes) throws IOException {
    device.require(device.controller().supportsVerify(), Opcode.VERIFY);
    io.range(Opcode.VERIFY, 0, position, lengthBytes);
  }

  /**
   * Marks a range so that reading it fails with "Unrecovered Read Error" until it is written again:
   * for tests of how an application meets media errors.
   */
  public void writeUncorrectable(long position, long lengthBytes) throws IOException {
    device.require(device.controller().supportsWriteUncorrectable(), Opcode.WRITE_UNCORRECTABLE);
    io.range(Opcode.WRITE_UNCORRECTABLE, 0, position, lengthBytes);
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
  public boolean read(
      AsyncIo operation, DmaBuffer buffer, long offset, long lengthBytes, long position)
      throws IOException {
    return io.post(operation, Opcode.READ, 0, buffer, offset, lengthBytes, position);
  }

  /** Posts a write of a part of a buffer; otherwise like {@code read}. */
  public boolean write(
      AsyncIo operation, DmaBuffer buffer, long offset, long lengthBytes, long position)
      throws IOException {
    return io.post(operation, Opcode.WRITE, writeFlags, buffer, offset, lengthBytes, position);
  }

  /**
   * Posts a read into any memory. It stays alive and untouched until the operation is done.
   *
   * @return false if the queue is full: nothing has happened
   */
  public boolean read(AsyncIo operation, MemorySegment to, long position) throws IOException {
    return io.post(operation, Opcode.READ, 0, to, position);
  }

  /** Posts a write of any memory; otherwise like {@code read}. */
  public boolean write(AsyncIo operation, MemorySegment from, long position) throws IOException {
    return io.post(operation, Opcode.WRITE, writeFlags, from, position);
  }

  /** Posts a flush of what was completed before. */
  public boolean flush(AsyncIo operation) throws IOException {
    return io.postFlush(operation);
  }

  /**
   * Reads into any memory; the future ends with an {@link NvmeException} if the device reports an
   * error. On a queue with manual completion somebody has to call {@link NvmeQueue#poll}.
   */
  public CompletableFuture<Void> readAsync(MemorySegment to, long position) throws IOException {
    return io.start(Opcode.READ, 0, to, position);
  }

  /** Writes any memory; otherwise like {@link #readAsync}. */
  public CompletableFuture<Void> writeAsync(MemorySegment from, long position) throws IOException {
    return io.start(Opcode.WRITE, writeFlags, from, position);
  }

  /** Flushes what was completed before; otherwise like {@link #readAsync}. */
  public CompletableFuture<Void> flushAsync() throws IOException {
    return io.startFlush();
  }

  /** Waits for the operations in flight and closes the handle. Idempotent. */
  @Override
  public void close() {
    if (io.close()) {
      queue.handleClosed();
    }
  }
}
