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

  // Written by the lock's holder, read by anyone.
  private final AtomicLong hits = new AtomicLong();
  private final AtomicLong misses = new AtomicLong();

  PageReader(Geometry geometry, PageDirectory directory, FrameMemory memory, Evictor evictor) {
    this.geometry = geometry;
    this.directory = directory;
    this.memory = memory;
    this.evictor = evictor;
  }

  long hits() {
    return hits.get();
  }

  long misses() {
    return misses.get();
  }

  /** Fills {@code to} from {@code position} on; the range is within the device. */
  void read(Store store, MemorySegment to, long position) throws IOException {
    long end = position + to.byteSize();
    long at = position;
    while (at < end) {
      long page = Geometry.pageOf(at);
      int frame = directory.find(page);
      if (frame == NONE) {
        int absent = absentPages(page, end);
        if (absent > 1) {
          at = readAbsent(store, to, position, at, absent);
          continue;
        }
        frame = evictor.take(store, page);
      }
      fill(store, frame, geometry.sectorMask(page, at, end));
      directory.touch(frame);
      at = copyOut(frame, to, position, at);
    }
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

  /** Reads the sectors of a mask that are not valid. */
  private void fill(Store store, int frame, int sectors) throws IOException {
    int missing = sectors & ~directory.valid(frame);
    count(missing == 0 ? hits : misses, 1);
    try {
      while (missing != 0) {
        int run = Geometry.lowestRun(missing);
        MemorySegment into =
            memory.frame(frame).asSlice(geometry.runOffset(run), geometry.runBytes(run));
        store.read(into, geometry.runPosition(directory.page(frame), run));
        directory.markValid(frame, run);
        missing &= ~run;
      }
    } finally {
      directory.removeIfEmpty(frame);
    }
  }

  /**
   * Reads pages that are not cached with one read, then gives them frames one by one. A frame may come
   * from a page of the same read: its bytes are copied to the caller before the next is taken.
   *
   * @return the position up to which {@code to} is filled
   */
  private long readAbsent(Store store, MemorySegment to, long position, long at, int pages)
      throws IOException {
    long remaining = position + to.byteSize() - at;
    long most = ((long) pages << Geometry.PAGE_SHIFT) - Geometry.offsetInPage(at);
    long end = at + Math.min(remaining, most);
    long start = geometry.sectorStart(at);
    MemorySegment staging = memory.staging().asSlice(0, geometry.sectorEnd(end) - start);
    store.read(staging, start);
    count(misses, pages);
    long done = at;
    while (done < end) {
      long page = Geometry.pageOf(done);
      int sectors = geometry.sectorMask(page, done, end);
      int frame = evictor.take(store, page);
      MemorySegment.copy(
          staging,
          geometry.runPosition(page, sectors) - start,
          memory.frame(frame),
          geometry.runOffset(sectors),
          geometry.runBytes(sectors));
      directory.markValid(frame, sectors);
      done = copyOut(frame, to, position, done);
    }
    return end;
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
