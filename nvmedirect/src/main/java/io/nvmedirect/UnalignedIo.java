package io.nvmedirect;

import io.nvmedirect.cache.Store;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * I/O at any position and of any length without a cache. A part of a block is written by reading the
 * block, changing it and writing it: with the exclusive lock, so that no other write of the device
 * through here comes between; writes of whole blocks share the lock.
 */
final class UnalignedIo {

  private final int blockBytes;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  UnalignedIo(int blockBytes) {
    this.blockBytes = blockBytes;
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
    Lock held = isWhole(position, from.byteSize()) ? lock.readLock() : lock.writeLock();
    held.lock();
    try {
      writeLocked(store, from, position);
    } finally {
      held.unlock();
    }
  }

  private void writeLocked(Store store, MemorySegment from, long position) throws IOException {
    long length = from.byteSize();
    for (long done = 0; done < length; ) {
      long at = position + done;
      long part = part(at, length - done);
      if (isWhole(at, part)) {
        store.write(from.asSlice(done, part), at);
      } else {
        MemorySegment block = readBlock(store, at);
        MemorySegment.copy(from, done, block, at % blockBytes, part);
        store.write(block, at - at % blockBytes);
      }
      done += part;
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
