package io.nvmedirect;

import io.nvmedirect.cache.RangeGuard;
import io.nvmedirect.cache.Store;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * I/O at any position and of any length without a cache. A part of a block is written by reading the
 * block, changing it and writing it, with the guard's lock and when no direct write of the block is in
 * flight, so that no other write comes between. Whole blocks are direct writes like any other.
 */
final class UnalignedIo {

  private static final int WINDOW_BYTES = 128 * 1024;

  private final int blockBytes;
  private final RangeGuard guard;

  UnalignedIo(int blockBytes, RangeGuard guard) {
    this.blockBytes = blockBytes;
    this.guard = guard;
  }

  void read(Store store, MemorySegment to, long position) throws IOException {
    long length = to.byteSize();
    for (long done = 0; done < length; ) {
      long at = position + done;
      long part = part(at, length - done);
      if (isWhole(at, part)) {
        store.read(to.asSlice(done, part), at);
      } else {
        MemorySegment block = readBlock(store, at);
        MemorySegment.copy(block, at % blockBytes, to, done, part);
      }
      done += part;
    }
  }

  void write(Store store, MemorySegment from, long position) throws IOException {
    long length = from.byteSize();
    for (long done = 0; done < length; ) {
      long at = position + done;
      long part = part(at, length - done);
      if (isWhole(at, part)) {
        writeBlocks(store, from.asSlice(done, part), at);
      } else {
        writePart(store, from.asSlice(done, part), at);
      }
      done += part;
    }
  }

  /** Reads into several segments; they are copied, so that no block is read in two parts. */
  void read(Store store, MemorySegment[] to, long lengthBytes, long position) throws IOException {
    for (long done = 0; done < lengthBytes; ) {
      MemorySegment window = window(position + done, lengthBytes - done);
      read(store, window, position + done);
      Segments.scatter(window, to, done, window.byteSize());
      done += window.byteSize();
    }
  }

  /** Writes several segments; they are copied, so that no block is written in two parts. */
  void write(Store store, MemorySegment[] from, long lengthBytes, long position)
      throws IOException {
    for (long done = 0; done < lengthBytes; ) {
      MemorySegment window = window(position + done, lengthBytes - done);
      Segments.gather(from, done, window, window.byteSize());
      write(store, window, position + done);
      done += window.byteSize();
    }
  }

  /** Memory for what is left of a range, or for as much of it as ends with a block. */
  private MemorySegment window(long at, long left) {
    long most = Math.max(WINDOW_BYTES, blockBytes) - at % blockBytes;
    return MemorySegment.ofArray(new byte[(int) Math.min(left, most)]);
  }

  private void writeBlocks(Store store, MemorySegment from, long position) throws IOException {
    if (!guard.tryBeginWrite(position, from.byteSize())) {
      beginDirectWrite(position, from.byteSize());
    }
    try {
      store.write(from, position);
    } finally {
      guard.endWrite(position, from.byteSize());
    }
  }

  private void writePart(Store store, MemorySegment from, long position) throws IOException {
    long start = position - position % blockBytes;
    guard.lock().lock();
    try {
      guard.hold(start, blockBytes);
      try {
        guard.awaitDirectWrites(start, blockBytes);
        MemorySegment block = readBlock(store, position);
        MemorySegment.copy(from, 0, block, position - start, from.byteSize());
        store.write(block, start);
      } finally {
        guard.release(start, blockBytes);
      }
    } finally {
      guard.lock().unlock();
    }
  }

  /** Registers a direct write when no part of its blocks is being written. */
  void beginDirectWrite(long position, long lengthBytes) {
    guard.lock().lock();
    try {
      guard.beginWriteLocked(position, lengthBytes);
    } finally {
      guard.lock().unlock();
    }
  }

  /** Bytes from {@code at} on that are either part of one block or whole blocks. */
  private long part(long at, long left) {
    long inBlock = at % blockBytes;
    if (inBlock != 0 || left < blockBytes) {
      return Math.min(left, blockBytes - inBlock);
    }
    return left - left % blockBytes;
  }

  private boolean isWhole(long at, long length) {
    return (at | length) % blockBytes == 0;
  }

  /** The block that a byte lies in. */
  private MemorySegment readBlock(Store store, long at) throws IOException {
    MemorySegment block = MemorySegment.ofArray(new byte[blockBytes]);
    store.read(block, at - at % blockBytes);
    return block;
  }
}
