package io.nvmedirect.cache;

import static io.nvmedirect.cache.PageDirectory.NONE;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Writes into the cache. Whole sectors are not read first; of a range at most the first and the last
 * sector are partial, and those are read, if they are not cached, before anything changes. Owned by
 * the holder of the cache's lock.
 */
final class PageWriter {

  private final Geometry geometry;
  private final PageDirectory directory;
  private final FrameMemory memory;
  private final Evictor evictor;
  private final PageSelection selection;

  PageWriter(
      Geometry geometry,
      PageDirectory directory,
      FrameMemory memory,
      Evictor evictor,
      PageSelection selection) {
    this.geometry = geometry;
    this.directory = directory;
    this.memory = memory;
    this.evictor = evictor;
    this.selection = selection;
  }

  /** Writes {@code from}, of at least one byte, from {@code position} on, within the device. */
  void write(Store store, MemorySegment from, long position) throws IOException {
    long end = position + from.byteSize();
    long head = geometry.sectorStart(position);
    long tail = geometry.sectorStart(end - 1);
    boolean headPartial = position != head || end < geometry.sectorEnd(position + 1);
    boolean tailPartial = tail != head && end < geometry.sectorEnd(end);
    // The head's page is the next to be used, so it stays. The tail's may go before its turn.
    boolean headKept = headPartial && !isValid(head) && keep(store, head, 0);
    boolean tailKept =
        tailPartial
            && !(isValid(tail) && Geometry.pageOf(head) == Geometry.pageOf(tail))
            && keep(store, tail, Geometry.PAGE_BYTES);
    long at = position;
    while (at < end) {
      long page = Geometry.pageOf(at);
      int found = directory.find(page);
      int frame = found == NONE ? evictor.take(store, page) : found;
      try {
        if (headKept && page == Geometry.pageOf(head)) {
          merge(frame, head, 0);
        }
        if (tailKept && page == Geometry.pageOf(tail)) {
          merge(frame, tail, Geometry.PAGE_BYTES);
        }
        int offset = Geometry.offsetInPage(at);
        long length = Math.min(Geometry.PAGE_BYTES - offset, end - at);
        MemorySegment.copy(from, at - position, memory.frame(frame), offset, length);
        directory.markDirty(frame, geometry.sectorMask(page, at, end));
        at += length;
      } finally {
        directory.removeIfEmpty(frame);
      }
      directory.touch(frame);
    }
  }

  /**
   * Writes whole sectors to the device, and not into the cache, which forgets what it had of them. The
   * memory may be any: it is copied.
   *
   * @throws IOException if that fails: then dirty sectors of the range stay as they were
   */
  void writeAround(Store store, MemorySegment from, long position) throws IOException {
    long most = memory.staging().byteSize();
    long length = from.byteSize();
    for (long done = 0; done < length; done += most) {
      long part = Math.min(most, length - done);
      MemorySegment staging = memory.staging().asSlice(0, part);
      MemorySegment.copy(from, done, staging, 0, part);
      boolean written = false;
      try {
        store.write(staging, position + done);
        written = true;
      } finally {
        selection.forget(position + done, position + done + part, /* dirtyToo= */ written);
      }
    }
  }

  private boolean isValid(long sector) {
    int frame = directory.find(Geometry.pageOf(sector));
    return frame != NONE && (directory.valid(frame) & maskOf(sector)) != 0;
  }

  private int maskOf(long sector) {
    return geometry.sectorMask(Geometry.pageOf(sector), sector, sector + 1);
  }

  /** Puts the content of a sector into staging memory, which nothing else uses during a write. */
  private boolean keep(Store store, long sector, int offset) throws IOException {
    MemorySegment into = memory.staging().asSlice(offset, geometry.sectorBytes());
    if (isValid(sector)) {
      MemorySegment page = memory.frame(directory.find(Geometry.pageOf(sector)));
      into.copyFrom(page.asSlice(Geometry.offsetInPage(sector), geometry.sectorBytes()));
    } else {
      store.read(into, sector);
    }
    return true;
  }

  /** Puts a kept sector into its frame, if that has it not; it is valid with the write that follows. */
  private void merge(int frame, long sector, int offset) throws IOException {
    if ((directory.valid(frame) & maskOf(sector)) == 0) {
      MemorySegment.copy(
          memory.staging(),
          offset,
          memory.frame(frame),
          Geometry.offsetInPage(sector),
          geometry.sectorBytes());
    }
  }
}
