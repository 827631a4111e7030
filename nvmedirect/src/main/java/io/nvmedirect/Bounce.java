package io.nvmedirect;

import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.lang.foreign.MemorySegment;

/**
 * An asynchronous transfer of memory that the device cannot reach: it goes through a bounce buffer,
 * one window after the other. Used by one thread at a time: who submits, then the queue's owner.
 */
final class Bounce {

  /** What {@link #windowDone} returns when the request is prepared for another window. */
  static final int MORE = -1;

  private final Namespace namespace;
  private final BlockRequest request;
  private final int opcode;
  private final int flags;
  private final long firstBlock;
  private final MemorySegment[] memory;
  private final long lengthBytes;
  private final DmaBuffer buffer;

  /** Bytes of the memory that are done. */
  private long done;

  private long windowBytes;

  /**
   * @param memory the segments of the data, one after the other; never changed
   */
  Bounce(
      Namespace namespace,
      BlockRequest request,
      int opcode,
      int flags,
      long firstBlock,
      MemorySegment[] memory,
      DmaBuffer buffer) {
    this.namespace = namespace;
    this.request = request;
    this.opcode = opcode;
    this.flags = flags;
    this.firstBlock = firstBlock;
    this.memory = memory;
    this.lengthBytes = Segments.byteSize(memory);
    this.buffer = buffer;
  }

  DmaBuffer buffer() {
    return buffer;
  }

  /** Fills the next window and prepares the request for it. */
  void prepareWindow() {
    windowBytes = Math.min(lengthBytes - done, buffer.byteSize());
    if (opcode != Opcode.READ) {
      Segments.gather(memory, done, buffer.segment(), windowBytes);
    }
    int shift = namespace.blockShift();
    request.transfer(
        opcode, namespace, flags, firstBlock + (done >>> shift), windowBytes >>> shift, buffer, 0);
  }

  /**
   * Takes the data of a window and prepares the next one.
   *
   * @return a status, 0 if all is done, or {@link #MORE}
   */
  int windowDone() {
    try {
      if (opcode == Opcode.READ) {
        Segments.scatter(buffer.segment(), memory, done, windowBytes);
      }
      done += windowBytes;
      if (done == lengthBytes) {
        return 0;
      }
      prepareWindow();
      return MORE;
    } catch (IllegalStateException | WrongThreadException e) {
      // The application has closed the memory's arena, or lets another thread reap.
      return Status.DATA_TRANSFER_ERROR;
    }
  }
}
