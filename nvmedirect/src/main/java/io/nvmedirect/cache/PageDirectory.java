package io.nvmedirect.cache;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What is cached: the page of each frame, which of its sectors are VALID (the frame has their content)
 * and which DIRTY (the device has it not yet; those are valid too), and the order of use. A page with
 * no valid sector is here only while an operation fills it. Does no I/O; owned by the holder of the
 * cache's lock, but for the counts.
 */
final class PageDirectory {

  static final int NONE = PageTable.NONE;

  private static final long FREE = -1;

  private int capacity;
  private long[] pages;
  private byte[] valid;
  private byte[] dirty;
  private PageTable table;
  private final LruList lru;

  /**
   * Stack of free frames. Those that were never used lie at the bottom, the lowest on top, so that
   * frames come into use in ascending order and page memory is allocated in that order too.
   */
  private int[] free;

  private int freeCount;

  /** Holds each page that is cached. */
  private final RangeGuard guard;

  /** Written by the lock's holder, read by anyone. */
  private final AtomicInteger cachedPages = new AtomicInteger();

  /** Written by the lock's holder, read by anyone. */
  private final AtomicInteger dirtyPages = new AtomicInteger();

  PageDirectory(int capacity, RangeGuard guard) {
    this.capacity = capacity;
    this.guard = guard;
    pages = new long[capacity];
    Arrays.fill(pages, FREE);
    valid = new byte[capacity];
    dirty = new byte[capacity];
    table = new PageTable(capacity);
    lru = new LruList(capacity);
    free = new int[capacity];
    collectFree();
  }

  int capacity() {
    return capacity;
  }

  int cachedPages() {
    return cachedPages.get();
  }

  int dirtyPages() {
    return dirtyPages.get();
  }

  /** The frame of a page, or NONE. */
  int find(long page) {
    return table.find(page);
  }

  long page(int frame) {
    return pages[frame];
  }

  /** Mask of the valid sectors. */
  int valid(int frame) {
    return valid[frame] & 0xff;
  }

  /** Mask of the dirty sectors. */
  int dirty(int frame) {
    return dirty[frame] & 0xff;
  }

  /** The frame that {@link #insert} takes next, or NONE if all are in use. */
  int nextFree() {
    return freeCount == 0 ? NONE : free[freeCount - 1];
  }

  /** Gives the next free frame to a page, with no sector valid, as the one used last. */
  int insert(long page) {
    int frame = free[--freeCount];
    pages[frame] = page;
    guard.holdPages(page, page);
    cachedPages.setRelease(cachedPages.getPlain() + 1);
    table.put(page, frame);
    lru.add(frame);
    return frame;
  }

  void touch(int frame) {
    lru.touch(frame);
  }

  void markValid(int frame, int sectors) {
    valid[frame] |= (byte) sectors;
  }

  /** The sectors are valid, and the device has not their content. */
  void markDirty(int frame, int sectors) {
    markValid(frame, sectors);
    setDirty(frame, dirty(frame) | sectors);
  }

  /** The device has the content of the sectors. */
  void markClean(int frame, int sectors) {
    setDirty(frame, dirty(frame) & ~sectors);
  }

  /** Forgets sectors, dirty ones too, and the page if no other is valid. */
  void drop(int frame, int sectors) {
    setDirty(frame, dirty(frame) & ~sectors);
    valid[frame] &= (byte) ~sectors;
    removeIfEmpty(frame);
  }

  /** Frees the frame of a page of which nothing is valid. */
  void removeIfEmpty(int frame) {
    if (valid[frame] == 0) {
      remove(frame);
    }
  }

  /** Frees the frame of a page. */
  void remove(int frame) {
    setDirty(frame, 0);
    valid[frame] = 0;
    lru.remove(frame);
    table.remove(pages[frame]);
    guard.releasePages(pages[frame], pages[frame]);
    cachedPages.setRelease(cachedPages.getPlain() - 1);
    pages[frame] = FREE;
    free[freeCount++] = frame;
  }

  /** Frees all frames. */
  void clear() {
    for (int frame = lru.oldest(); frame != NONE; frame = lru.oldest()) {
      remove(frame);
    }
  }

  private void setDirty(int frame, int sectors) {
    boolean was = dirty[frame] != 0;
    dirty[frame] = (byte) sectors;
    if (was != (sectors != 0)) {
      dirtyPages.setRelease(dirtyPages.getPlain() + (was ? -1 : 1));
    }
  }

  /** The frame of the page used longest ago, or NONE. */
  int leastRecentlyUsed() {
    return lru.oldest();
  }

  /** The frame of the page used next after that of this frame, or NONE. */
  int usedAfter(int frame) {
    return lru.newerThan(frame);
  }

  /**
   * Changes the number of frames. Pages of frames beyond move to free ones, which have memory, for
   * the frames with memory are the lowest.
   *
   * @param newCapacity at least the number of cached pages
   */
  void resize(int newCapacity, FrameMemory memory) {
    long[] newPages = new long[newCapacity];
    byte[] newValid = new byte[newCapacity];
    byte[] newDirty = new byte[newCapacity];
    int[] newFree = new int[newCapacity];
    PageTable newTable = new PageTable(newCapacity);
    lru.grow(newCapacity);
    // From here on nothing is allocated, so that a lack of memory leaves all as it was.
    moveBelow(newCapacity, memory);
    int kept = Math.min(capacity, newCapacity);
    Arrays.fill(newPages, kept, newCapacity, FREE);
    System.arraycopy(pages, 0, newPages, 0, kept);
    System.arraycopy(valid, 0, newValid, 0, kept);
    System.arraycopy(dirty, 0, newDirty, 0, kept);
    for (int frame = 0; frame < kept; frame++) {
      if (newPages[frame] != FREE) {
        newTable.put(newPages[frame], frame);
      }
    }
    capacity = newCapacity;
    pages = newPages;
    valid = newValid;
    dirty = newDirty;
    table = newTable;
    free = newFree;
    collectFree();
  }

  private void moveBelow(int newCapacity, FrameMemory memory) {
    int to = 0;
    for (int frame = newCapacity; frame < capacity; frame++) {
      if (pages[frame] != FREE) {
        while (pages[to] != FREE) {
          to++;
        }
        memory.frame(to).copyFrom(memory.frame(frame));
        lru.replace(frame, to);
        pages[to] = pages[frame];
        valid[to] = valid[frame];
        dirty[to] = dirty[frame];
      }
    }
  }

  private void collectFree() {
    freeCount = 0;
    for (int frame = capacity - 1; frame >= 0; frame--) {
      if (pages[frame] == FREE) {
        free[freeCount++] = frame;
      }
    }
  }
}
