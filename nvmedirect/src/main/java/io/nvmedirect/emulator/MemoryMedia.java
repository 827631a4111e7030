package io.nvmedirect.emulator;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Blocks in memory, which takes up space only where something was written. */
final class MemoryMedia implements Media {

  private static final long PAGE_BYTES = Mmap.PAGE_BYTES;

  private final Arena arena;
  private final MemorySegment memory;
  private final long sizeBytes;

  private MemoryMedia(Arena arena, MemorySegment memory, long sizeBytes) {
    this.arena = arena;
    this.memory = memory;
    this.sizeBytes = sizeBytes;
  }

  /** Reserves memory; a page more than needed at most. */
  @SuppressWarnings("MustBeClosedChecker") // close() closes it
  static MemoryMedia allocate(long sizeBytes) throws LinuxException {
    Arena arena = Arena.ofShared();
    try {
      long rounded = (sizeBytes + PAGE_BYTES - 1) & -PAGE_BYTES;
      return new MemoryMedia(arena, Mmap.anonymous(rounded, arena), sizeBytes);
    } catch (LinuxException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public void read(long position, MemorySegment to, long offset, long lengthBytes) {
    MemorySegment.copy(memory, position, to, offset, lengthBytes);
  }

  @Override
  public void write(long position, MemorySegment from, long offset, long lengthBytes) {
    MemorySegment.copy(from, offset, memory, position, lengthBytes);
  }

  @Override
  public void discard(long position, long lengthBytes) throws LinuxException {
    long end = position + lengthBytes;
    long firstPage = Math.min((position + PAGE_BYTES - 1) & -PAGE_BYTES, end);
    long lastPage = Math.max(end & -PAGE_BYTES, firstPage);
    memory.asSlice(position, firstPage - position).fill((byte) 0);
    if (lastPage > firstPage) {
      Mmap.discard(memory, firstPage, lastPage - firstPage);
    }
    memory.asSlice(lastPage, end - lastPage).fill((byte) 0);
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
