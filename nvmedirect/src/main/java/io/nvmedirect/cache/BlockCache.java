package io.nvmedirect.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A write-back block cache of one device: pages of 4096 bytes, the one used longest ago is evicted
 * first. Safe for any thread.
 *
 * <p>Whether data is there, and whether the device has it, is known per sector: only dirty sectors are
 * written back, so that what was written around the cache is not overwritten by old content of its
 * neighbours' page. Code that writes around the cache calls {@link #flush(Store, long, long)} before
 * and {@link #invalidate} afterwards, or {@link #mayContain} each time to find that it need not.
 *
 * <p>The holder of one lock owns all state, and holds it during I/O: so a page is filled, changed and
 * written by one thread at a time, and a {@link Store} must not call back into the cache, which is an
 * {@link IllegalStateException}. The counts, {@link #isEmpty} and {@link #mayContain} take no lock.
 *
 * <p>Nothing dirty is lost but by {@link #drop} and {@link #close}: what cannot be written back stays
 * dirty and in the cache. Positions and lengths are in bytes; those outside the device are an {@link
 * IllegalArgumentException}, and any call after close an {@link IllegalStateException}.
 */
public final class BlockCache implements AutoCloseable {

  /** Bytes of a page. */
  public static final int PAGE_BYTES = Geometry.PAGE_BYTES;

  /** Most pages of a cache: 1 TiB. */
  static final int MAX_PAGES = 1 << 28;

  private final ReentrantLock lock = new ReentrantLock();
  private final Geometry geometry;
  private final PageDirectory directory;
  private final PageFilter filter;
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
   * @throws IOException if not lazy and there is not enough memory
   * @throws IllegalArgumentException if a value is out of range
   */
  public BlockCache(
      long deviceBytes, int sectorBytes, int capacityPages, boolean lazy, FrameAllocator frames)
      throws IOException {
    checkPages(capacityPages);
    geometry = new Geometry(deviceBytes, sectorBytes);
    directory = new PageDirectory(capacityPages);
    filter = directory.filter();
    selection = new PageSelection(directory);
    memory = new FrameMemory(frames);
    writeBack = new WriteBack(geometry, directory, memory);
    evictor = new Evictor(directory, memory, writeBack);
    reader = new PageReader(geometry, directory, memory, evictor);
    writer = new PageWriter(geometry, directory, memory, evictor);
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
    geometry.checkRange(position, to.byteSize());
    enter();
    try {
      reader.read(store, to, position);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Writes {@code from}, of any alignment and size, into the cache; the device gets it later. Only
   * partial sectors that are not cached are read first.
   *
   * @throws IOException if a partial sector cannot be read: then nothing has changed; or if no page
   *     can be freed: then a beginning of the range, up to some page, may have its new content
   */
  public void write(Store store, MemorySegment from, long position) throws IOException {
    geometry.checkRange(position, from.byteSize());
    enter();
    try {
      if (from.byteSize() > 0) {
        writer.write(store, from, position);
      }
    } finally {
      lock.unlock();
    }
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
    geometry.checkRange(position, from.byteSize());
    enter();
    try {
      if (from.byteSize() > 0) {
        writer.write(store, from, position);
        writeBack.writeRange(store, position, position + from.byteSize());
      }
    } finally {
      lock.unlock();
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

  /**
   * Forgets the clean sectors that the range touches: after a write around the cache. Dirty ones
   * stay.
   */
  public void invalidate(long position, long lengthBytes) {
    geometry.checkRange(position, lengthBytes);
    forget(position, lengthBytes, /* dirtyToo= */ false);
  }

  /**
   * Forgets clean and dirty sectors: their content is gone, after Deallocate or Write Zeroes.
   *
   * @throws IllegalArgumentException also if the range is not one of whole sectors
   */
  public void drop(long position, long lengthBytes) {
    geometry.checkRange(position, lengthBytes);
    geometry.checkWholeSectors(position, lengthBytes);
    forget(position, lengthBytes, /* dirtyToo= */ true);
  }

  private void forget(long position, long lengthBytes, boolean dirtyToo) {
    enter();
    try {
      if (lengthBytes > 0) {
        long end = position + lengthBytes;
        selection.select(Geometry.pageOf(position), Geometry.pageOf(end - 1));
        for (int i = 0; i < selection.count(); i++) {
          long page = selection.page(i);
          int frame = directory.find(page);
          int sectors = geometry.sectorMask(page, position, end);
          directory.drop(frame, dirtyToo ? sectors : sectors & ~directory.dirty(frame));
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether nothing is cached. */
  public boolean isEmpty() {
    return filter.pages() == 0;
  }

  /**
   * Whether any sector of the range may be cached. "Yes" may be wrong. "No" is right for the moment of
   * the call: code that writes around the cache asks again when its write is done.
   */
  public boolean mayContain(long position, long lengthBytes) {
    geometry.checkRange(position, lengthBytes);
    return lengthBytes > 0
        && filter.mayContain(
            Geometry.pageOf(position), Geometry.pageOf(position + lengthBytes - 1));
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
    return filter.pages();
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
