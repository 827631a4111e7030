package io.nvmedirect.cache;

import static io.nvmedirect.cache.PageDirectory.NONE;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Reads through the cache: sectors that are not valid come from the device, no others. Owned by the
 * holder of the cache's lock, but for the counts.
 */
final class PageReader {

  private final Geometry geometry;
  private final PageDirectory directory;
  private final FrameMemory memory;
  private final Evictor evictor;
  private final RangeGuard guard;

  // Written by the lock's holder, read by anyone.
  private final AtomicLong hits = new AtomicLong();
  private final AtomicLong misses = new AtomicLong();

  PageReader(
      Geometry geometry,
      PageDirectory directory,
      FrameMemory memory,
      Evictor evictor,
      RangeGuard guard) {
    this.geometry = geometry;
    this.directory = directory;
    this.memory = memory;
    this.evictor = evictor;
    this.guard = guard;
  }

  long hits() {
    return hits.get();
  }

  long misses() {
    return misses.get();
  }

  /**
   * Fills {@code to} from {@code position} on; the range is within the device.
   *
   * @return false if a direct write of pages that were read may be in flight: then the cache must not
   *     keep them for longer than this operation
   */
  boolean read(Store store, MemorySegment to, long position) throws IOException {
    long end = position + to.byteSize();
    long at = position;
    boolean keeps = true;
    while (at < end) {
      long page = Geometry.pageOf(at);
      int frame = directory.find(page);
      if (frame == NONE) {
        int absent = absentPages(page, end);
        if (absent > 1) {
          long absentEnd = endOfPages(at, end, absent);
          keeps &= readAbsent(store, to.asSlice(at - position, absentEnd - at), at);
          at = absentEnd;
          continue;
        }
        frame = evictor.take(store, page);
      }
      keeps &= fill(store, frame, geometry.sectorMask(page, at, end));
      directory.touch(frame);
      at = copyOut(frame, to, position, at);
    }
    return keeps;
  }

  /** The end of so many pages from that of {@code at} on, or that of the range; no sum overflows. */
  private static long endOfPages(long at, long end, int pages) {
    return at
        + Math.min(end - at, ((long) pages << Geometry.PAGE_SHIFT) - Geometry.offsetInPage(at));
  }

  /** Adjacent pages of the range from {@code page} on that are not cached, as many as staging has. */
  private int absentPages(long page, long end) {
    int most = Math.min(FrameMemory.STAGING_PAGES, directory.capacity());
    long last = Math.min(Geometry.pageOf(end - 1), page + most - 1);
    int count = 1;
    while (page + count <= last && directory.find(page + count) == NONE) {
      count++;
    }
    return count;
  }

  /** Reads the sectors of a mask that are not valid; whether the cache may keep them. */
  private boolean fill(Store store, int frame, int sectors) throws IOException {
    int missing = sectors & ~directory.valid(frame);
    count(missing == 0 ? hits : misses, 1);
    if (missing == 0) {
      return true;
    }
    long page = directory.page(frame);
    // After the page was held, and before the device is read: a write that begins later waits.
    boolean keeps = !guard.isWrittenDirectly(page, page);
    try {
      while (missing != 0) {
        int run = Geometry.lowestRun(missing);
        MemorySegment into =
            memory.frame(frame).asSlice(geometry.runOffset(run), geometry.runBytes(run));
        store.read(into, geometry.runPosition(page, run));
        directory.markValid(frame, run);
        missing &= ~run;
      }
    } finally {
      directory.removeIfEmpty(frame);
    }
    return keeps;
  }

  /**
   * Reads pages that are not cached with one read, then gives them frames one by one. A frame may come
   * from a page of the same read: the caller's bytes are copied from staging.
   *
   * @return whether the cache may keep them
   */
  private boolean readAbsent(Store store, MemorySegment to, long position) throws IOException {
    long end = position + to.byteSize();
    long first = Geometry.pageOf(position);
    long last = Geometry.pageOf(end - 1);
    guard.holdPages(first, last);
    try {
      boolean keeps = !guard.isWrittenDirectly(first, last);
      long start = geometry.sectorStart(position);
      MemorySegment staging = memory.staging().asSlice(0, geometry.sectorEnd(end) - start);
      store.read(staging, start);
      count(misses, (int) (last - first + 1));
      for (long page = first; page <= last; page++) {
        insert(store, page, geometry.sectorMask(page, position, end), staging, start);
      }
      MemorySegment.copy(staging, position - start, to, 0, end - position);
      return keeps;
    } finally {
      guard.releasePages(first, last);
    }
  }

  private void insert(Store store, long page, int sectors, MemorySegment staging, long start)
      throws IOException {
    int frame = evictor.take(store, page);
    MemorySegment.copy(
        staging,
        geometry.runPosition(page, sectors) - start,
        memory.frame(frame),
        geometry.runOffset(sectors),
        geometry.runBytes(sectors));
    directory.markValid(frame, sectors);
  }

  private long copyOut(int frame, MemorySegment to, long position, long at) {
    int offset = Geometry.offsetInPage(at);
    long length = Math.min(Geometry.PAGE_BYTES - offset, position + to.byteSize() - at);
    MemorySegment.copy(memory.frame(frame), offset, to, at - position, length);
    return at + length;
  }

  private static void count(AtomicLong counter, int pages) {
    counter.setRelease(counter.getPlain() + pages);
  }
}
