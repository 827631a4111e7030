package io.nvmedirect.pcie;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/**
 * A file in memory that buffers are parts of, page by page; it takes up space only where they are. Owned by
 * the lock of its {@link VfioUserDma}.
 */
final class VfioUserMemory implements AutoCloseable {

  private final NativeFile file;
  private final Arena arena;
  private final MemorySegment memory;
  private final int pages;
  private final BitSet used = new BitSet();

  /** Pages that buffers have had, so that they are not zero any more. */
  private final BitSet touched = new BitSet();

  /** Whether the server knows the file. */
  private boolean told;

  private long iova;

  private VfioUserMemory(NativeFile file, Arena arena, MemorySegment memory) {
    this.file = file;
    this.arena = arena;
    this.memory = memory;
    this.pages = Math.toIntExact(memory.byteSize() / Mmap.PAGE_BYTES);
  }

  /**
   * Makes a file of zeroes.
   *
   * @param lengthBytes a positive multiple of 4096
   */
  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  static VfioUserMemory create(long lengthBytes) throws LinuxException {
    NativeFile file = NativeFile.inMemory("nvmedirect", lengthBytes);
    Arena arena = Arena.ofShared();
    try {
      return new VfioUserMemory(file, arena, Mmap.shared(file, 0, lengthBytes, arena));
    } catch (LinuxException | RuntimeException e) {
      arena.close();
      file.close();
      throw e;
    }
  }

  long byteSize() {
    return memory.byteSize();
  }

  int fd() {
    return file.fd();
  }

  /** Where it is mapped in this process. */
  long address() {
    return memory.address();
  }

  boolean contains(MemorySegment part) {
    long at = part.address() - memory.address();
    return part.isNative() && at >= 0 && part.byteSize() <= memory.byteSize() - at;
  }

  MemorySegment slice(long offset, long lengthBytes) {
    return memory.asSlice(offset, lengthBytes);
  }

  // ---- Parts.

  private static int pages(long bytes) {
    return Math.toIntExact(bytes / Mmap.PAGE_BYTES);
  }

  boolean hasRoom(long lengthBytes) {
    return firstFit(pages(lengthBytes)) >= 0;
  }

  private int firstFit(int wanted) {
    int from = 0;
    while (from + wanted <= pages) {
      int first = used.nextClearBit(from);
      int end = used.nextSetBit(first);
      if (first + wanted <= (end < 0 ? pages : end)) {
        return first;
      }
      if (end < 0) {
        break;
      }
      from = end;
    }
    return -1;
  }

  /** Takes zeroed pages, for which there is room, and says at what offset. */
  long take(long lengthBytes) {
    int first = firstFit(pages(lengthBytes));
    int end = first + pages(lengthBytes);
    long offset = (long) first * Mmap.PAGE_BYTES;
    int dirty = touched.nextSetBit(first);
    if (dirty >= 0 && dirty < end) {
      slice(offset, lengthBytes).fill((byte) 0);
    }
    used.set(first, end);
    touched.set(first, end);
    return offset;
  }

  void giveBack(long offset, long lengthBytes) {
    int first = pages(offset);
    int end = first + pages(lengthBytes);
    used.clear(first, end);
    if (Mmap.remove(memory, offset, lengthBytes)) {
      touched.clear(first, end);
    }
  }

  /** Bytes that buffers have. */
  long usedBytes() {
    return (long) used.cardinality() * Mmap.PAGE_BYTES;
  }

  boolean isUnused() {
    return used.isEmpty();
  }

  // ---- What the server knows.

  boolean isTold() {
    return told;
  }

  /** The server knows the file, by the address of its first byte. */
  void told(long first) {
    iova = first;
    told = true;
  }

  void forgotten() {
    told = false;
  }

  /** The I/O virtual address of the first byte. */
  long iova() {
    return iova;
  }

  @Override
  public void close() {
    arena.close();
    file.close();
  }
}
