package io.nvmedirect.cache;

import static io.nvmedirect.cache.PageDirectory.NONE;

import java.util.Arrays;

/**
 * The cached pages of a range in ascending order, found in time of the smaller of range and cache. Used
 * again and again, so that it seldom allocates. Owned by the holder of the cache's lock.
 */
final class PageSelection {

  private final Geometry geometry;
  private final PageDirectory directory;
  private long[] pages = {};
  private int count;

  PageSelection(Geometry geometry, PageDirectory directory) {
    this.geometry = geometry;
    this.directory = directory;
  }

  /** Selects cached pages from {@code first} to {@code last}, both included. */
  void select(long first, long last) {
    int cached = directory.cachedPages();
    int most = (int) Math.min(cached, last - first + 1);
    if (pages.length < most) {
      pages = new long[most];
    }
    count = 0;
    if (last - first < cached) {
      for (long page = first; page <= last; page++) {
        if (directory.find(page) != NONE) {
          pages[count++] = page;
        }
      }
      return;
    }
    int frame = directory.leastRecentlyUsed();
    for (; frame != NONE; frame = directory.usedAfter(frame)) {
      long page = directory.page(frame);
      if (page >= first && page <= last) {
        pages[count++] = page;
      }
    }
    Arrays.sort(pages, 0, count);
  }

  int count() {
    return count;
  }

  long page(int index) {
    return pages[index];
  }

  /** Forgets the sectors of the cached pages that a range touches: the clean ones, or all. */
  void forget(long position, long end, boolean dirtyToo) {
    if (position == end || directory.cachedPages() == 0) {
      return;
    }
    select(Geometry.pageOf(position), Geometry.pageOf(end - 1));
    for (int i = 0; i < count; i++) {
      int frame = directory.find(pages[i]);
      int sectors = geometry.sectorMask(pages[i], position, end);
      directory.drop(frame, dirtyToo ? sectors : sectors & ~directory.dirty(frame));
    }
  }
}
