package io.nvmedirect.cache;

import io.nvmedirect.transport.IoLock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A write-back block cache of one device: pages of 4096 bytes, the one used longest ago is evicted
 * first. Safe for any thread.
 *
 * <p>Whether data is there, and whether the device has it, is known per sector: only dirty sectors are
 * written back, so that what was written around the cache is not overwritten by old content of its
 * neighbours' page. Code that reads around the cache calls {@link #flush(Store, long, long)} before, and
 * code that writes around it is counted by its {@link RangeGuard} until the device has done the write.
 *
 * <p>The holder of the guard's lock owns all state, and holds it during I/O: so a page is filled, changed
 * and written by one thread at a time, and a {@link Store} must not call back into the cache, which is an
 * {@link IllegalStateException}. The counts and {@link #mayBeDirty} take no lock.
 *
 * <p>Nothing dirty is lost but by {@link #discard}, {@link #abandon} and {@link #close}: what cannot be
 * written back stays dirty and in the cache. Positions and lengths are in bytes; those outside the device are an {@link
 * IllegalArgumentException}, and any call after close an {@link IllegalStateException}.
 */
public final class BlockCache implements AutoCloseable {

  /** Bytes of a page. */
  public static final int PAGE_BYTES = Geometry.PAGE_BYTES;

  /** Most pages of a cache: 1 TiB. */
  static final int MAX_PAGES = 1 << 28;

  private static final MemorySegment[] NONE = {};

  private final Geometry geometry;
  private final PageDirectory directory;
  private final RangeGuard guard;
  private final IoLock lock;
  private final PageSelection selection;
  private final FrameMemory memory;
  private final WriteBack writeBack;
  private final Evictor evictor;
  private final PageReader reader;
  private final PageWriter writer;

  // Written by the lock's holder, read by anyone.
  private volatile int capacityPages;
  private volatile boolean lazy;

  private boolean closed;

  /**
   * Makes an empty cache. It does no I/O.
   *
   * @param deviceBytes size of the device, a multiple of the sector; the last page may be partial
   * @param sectorBytes 512 to 4096, a power of two
   * @param capacityPages pages of 4096 bytes, 1 to 2^28
   * @param lazy allocates page memory when it is first needed, in steps of up to 1 MiB, and not now
   * @param guard the device's, of which no other cache holds pages
   * @throws IOException if not lazy and there is not enough memory
   * @throws IllegalArgumentException if a value is out of range
   */
  public BlockCache(
      long deviceBytes,
      int sectorBytes,
      int capacityPages,
      boolean lazy,
      FrameAllocator frames,
      RangeGuard guard)
      throws IOException {
    checkPages(capacityPages);
    geometry = new Geometry(deviceBytes, sectorBytes);
    this.guard = guard;
    lock = guard.lock();
    directory = new PageDirectory(capacityPages, guard);
    selection = new PageSelection(geometry, directory);
    memory = new FrameMemory(frames);
    writeBack = new WriteBack(geometry, directory, memory);
    evictor = new Evictor(directory, memory, writeBack);
    reader = new PageReader(geometry, directory, memory, evictor, guard);
    writer = new PageWriter(geometry, directory, memory, evictor, selection);
    this.capacityPages = capacityPages;
    this.lazy = lazy;
    if (!lazy) {
      try {
        memory.readyAll(capacityPages);
      } catch (IOException | RuntimeException | Error e) {
        memory.close();
        throw e;
      }
    }
  }

  private static void checkPages(int pages) {
    if (pages < 1 || pages > MAX_PAGES) {
      throw new IllegalArgumentException(
          "a cache has 1 to %d pages: pages=%d".formatted(MAX_PAGES, pages));
    }
  }

  private void enter() {
    if (lock.isHeldByCurrentThread()) {
      throw new IllegalStateException(
          "a store, or a callback that ran within its I/O, called the cache");
    }
    lock.lock();
    if (closed) {
      lock.unlock();
      throw new IllegalStateException("the cache is closed");
    }
  }

  /**
   * Fills {@code to}, of any alignment and size. Of the sectors it touches those that are not cached
   * are read from the device, adjacent pages with one read.
   *
   * @throws IOException if a sector cannot be read or no page be freed; the content of {@code to} is
   *     then anything
   */
  public void read(Store store, MemorySegment to, long position) throws IOException {
    long length = to.byteSize();
    geometry.checkRange(position, length);
    enter();
    boolean keeps = false;
    try {
      keeps = reader.read(store, to, position);
    } finally {
      endRead(keeps, position, length);
    }
  }

  /** Fills several segments, one after the other, with what is there at one moment. */
  public void read(Store store, MemorySegment[] to, long lengthBytes, long position)
      throws IOException {
    geometry.checkRange(position, lengthBytes);
    enter();
    boolean keeps = false;
    try {
      boolean all = true;
      long at = position;
      for (MemorySegment segment : to) {
        all &= reader.read(store, segment, at);
        at += segment.byteSize();
      }
      keeps = all;
    } finally {
      endRead(keeps, position, lengthBytes);
    }
  }

  private void endRead(boolean keeps, long position, long lengthBytes) {
    try {
      if (!keeps) {
        forget(position, lengthBytes);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Writes {@code from}, of any alignment and size, into the cache; the device gets it later. Only
   * partial sectors that are not cached are read first. While a direct write of the range is in flight
   * the cache keeps nothing: whole sectors go to the device now, parts of sectors wait for it.
   *
   * @throws IOException if a partial sector cannot be read: then nothing has changed; or if no page
   *     can be freed: then a beginning of the range, up to some page, may have its new content
   */
  public void write(Store store, MemorySegment from, long position) throws IOException {
    write(store, from, NONE, from.byteSize(), position, false);
  }

  /** Writes several segments, one after the other, at one moment. */
  public void write(Store store, MemorySegment[] from, long lengthBytes, long position)
      throws IOException {
    write(store, null, from, lengthBytes, position, false);
  }

  /**
   * Like {@link #write}, and the device has all sectors that the range touches before this returns;
   * they are clean then, also parts of them that were dirty before.
   *
   * @throws IOException as {@link #write}; or if sectors cannot be written: those hold their new
   *     content and stay dirty, so that reads see it and a later flush tries again, and the others
   *     are on the device
   */
  public void writeThrough(Store store, MemorySegment from, long position) throws IOException {
    write(store, from, NONE, from.byteSize(), position, true);
  }

  /** Likewise, of several segments. */
  public void writeThrough(Store store, MemorySegment[] from, long lengthBytes, long position)
      throws IOException {
    write(store, null, from, lengthBytes, position, true);
  }

  private void write(
      Store store,
      @Nullable MemorySegment one,
      MemorySegment[] several,
      long lengthBytes,
      long position,
      boolean through)
      throws IOException {
    geometry.checkRange(position, lengthBytes);
    if (lengthBytes == 0) {
      return;
    }
    enter();
    guard.hold(position, lengthBytes);
    try {
      boolean around = isWrittenDirectly(position, lengthBytes);
      if (around
          && !(one == null ? areWholeSectors(several, position) : isWholeSectors(one, position))) {
        guard.awaitDirectWrites(position, lengthBytes);
        around = false;
      }
      if (one != null) {
        write(store, one, position, around);
      }
      long at = position;
      for (MemorySegment segment : several) {
        write(store, segment, at, around);
        at += segment.byteSize();
      }
      if (through) {
        writeBack.writeRange(store, position, position + lengthBytes);
      }
    } finally {
      guard.release(position, lengthBytes);
      lock.unlock();
    }
  }

  private void write(Store store, MemorySegment from, long position, boolean around)
      throws IOException {
    if (from.byteSize() == 0) {
      return;
    }
    if (around) {
      writer.writeAround(store, from, position);
    } else {
      writer.write(store, from, position);
    }
  }

  /**
   * Writes all dirty sectors to the device, in ascending position, up to 128 KiB of adjacent ones
   * with one write. If one cannot be written it stays dirty, and the rest is written nevertheless.
   *
   * @throws IOException the first error, with the others suppressed
   */
  public void flush(Store store) throws IOException {
    flush(store, 0, geometry.deviceBytes());
  }

  /** Like {@link #flush(Store)}, for the sectors that the range touches. */
  public void flush(Store store, long position, long lengthBytes) throws IOException {
    geometry.checkRange(position, lengthBytes);
    enter();
    try {
      if (lengthBytes > 0) {
        writeBack.writeRange(store, position, position + lengthBytes);
      }
    } finally {
      lock.unlock();
    }
  }

  // ---- Direct writes.

  /**
   * Has the range ready for a direct write that may find pages of it held: what is dirty is written,
   * what is cached forgotten, and the write counted until {@link RangeGuard#endWrite}.
   *
   * @throws IOException if a dirty sector cannot be written: it stays, and the write is not counted
   */
  public void beginDirectWrite(Store store, long position, long lengthBytes) throws IOException {
    geometry.checkRange(position, lengthBytes);
    enter();
    try {
      writeBack.writeRange(store, position, position + lengthBytes);
      forget(position, lengthBytes);
      guard.beginWriteLocked(position, lengthBytes);
    } finally {
      lock.unlock();
    }
  }

  /** A command that changes what the device has. */
  @FunctionalInterface
  public interface Change {
    void run() throws IOException;
  }

  /**
   * Runs a command after which the content of a range of whole sectors is gone, that of dirty sectors
   * which cannot be written too; if it fails they stay.
   */
  public void discard(Change change, long position, long lengthBytes) throws IOException {
    geometry.checkRange(position, lengthBytes);
    geometry.checkWholeSectors(position, lengthBytes);
    enter();
    try {
      forget(position, lengthBytes);
      change.run();
      selection.forget(position, position + lengthBytes, /* dirtyToo= */ true);
    } finally {
      lock.unlock();
    }
  }

  /** Gives up what is dirty: for a device that cannot be written any more. */
  public void abandon() {
    enter();
    try {
      selection.forget(0, geometry.deviceBytes(), /* dirtyToo= */ true);
    } finally {
      lock.unlock();
    }
  }

  private void forget(long position, long lengthBytes) {
    selection.forget(position, position + lengthBytes, /* dirtyToo= */ false);
  }

  private boolean isWrittenDirectly(long position, long lengthBytes) {
    return guard.isWrittenDirectly(
        Geometry.pageOf(position), Geometry.pageOf(position + lengthBytes - 1));
  }

  private boolean isWholeSectors(MemorySegment segment, long position) {
    return ((position | segment.byteSize()) & (geometry.sectorBytes() - 1)) == 0;
  }

  /** Of segments which together are whole sectors at the position of the first. */
  private boolean areWholeSectors(MemorySegment[] segments, long position) {
    long all = position;
    for (MemorySegment segment : segments) {
      all |= segment.byteSize();
    }
    return (all & (geometry.sectorBytes() - 1)) == 0;
  }

  /** Whether the range may have sectors that the device has not yet. */
  public boolean mayBeDirty(long position, long lengthBytes) {
    return directory.dirtyPages() != 0 && guard.mayHold(position, lengthBytes);
  }

  /** Whether nothing is cached. */
  public boolean isEmpty() {
    return directory.cachedPages() == 0;
  }

  /** Most pages. */
  public int capacityPages() {
    return capacityPages;
  }

  /**
   * Changes the number of pages. Shrinking evicts those used longest ago. Page memory is freed in the
   * chunks in which it was allocated, so that up to 1 MiB more may stay.
   *
   * @param pages 1 to 2^28
   * @return the resulting number: more than asked for if that many are dirty and cannot be written
   *     back, which counts as {@link #writeBackErrors}
   * @throws IOException if not lazy and there is not enough memory; the size is then as before
   */
  public int resize(Store store, int pages) throws IOException {
    checkPages(pages);
    enter();
    try {
      evictor.shrink(store, pages);
      int result = Math.max(pages, directory.cachedPages());
      if (!lazy) {
        memory.readyAll(result);
      }
      directory.resize(result, memory);
      memory.release(result);
      capacityPages = result;
      return result;
    } finally {
      lock.unlock();
    }
  }

  /** Whether page memory is allocated when it is first needed. */
  public boolean lazy() {
    return lazy;
  }

  /**
   * Chooses when page memory is allocated. Switching it off allocates what is missing at once;
   * switching it on frees nothing.
   *
   * @throws IOException if there is not enough memory; the choice is then as before
   */
  public void lazy(boolean on) throws IOException {
    enter();
    try {
      if (!on) {
        memory.readyAll(directory.capacity());
      }
      lazy = on;
    } finally {
      lock.unlock();
    }
  }

  /**
   * How many write-backs of evicted pages have failed since the cache was made. Each handle can tell
   * by it whether there was one since it last looked. No data is lost by them.
   */
  public long writeBackErrors() {
    return evictor.errors();
  }

  /** Pages with dirty sectors. */
  public int dirtyPages() {
    return directory.dirtyPages();
  }

  /** Pages with valid sectors. */
  public int cachedPages() {
    return directory.cachedPages();
  }

  /** Pages of reads of which all sectors asked for were cached. */
  public long hits() {
    return reader.hits();
  }

  /** Pages of reads of which some sector was not cached. */
  public long misses() {
    return reader.misses();
  }

  /** Frees the memory; what is dirty is lost, so the caller flushes first. Idempotent. */
  @Override
  public void close() {
    if (lock.isHeldByCurrentThread()) {
      throw new IllegalStateException("a store, or a callback that ran within its I/O, closed it");
    }
    lock.lock();
    try {
      if (!closed) {
        closed = true;
        directory.clear();
        memory.close();
      }
    } finally {
      lock.unlock();
    }
  }
}
