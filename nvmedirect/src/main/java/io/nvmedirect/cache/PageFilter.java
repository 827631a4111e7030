package io.nvmedirect.cache;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Says without a lock that pages are surely not cached: how many pages are cached, and how many of
 * each region of 32 KiB, regions being hashed to counters. Changed by the holder of the cache's lock.
 *
 * <p>All accesses are volatile, so that counting a page stays before the device read that fills it,
 * and looking here stays after the device write that came before: a direct write that looks when it
 * is done either finds the page, or the page was filled from what it wrote.
 */
final class PageFilter {

  private static final int REGION_SHIFT = 3;
  private static final int SLOT_BITS = 13;

  /** Looking up more regions than this costs more than the answer is worth. */
  private static final int MAX_REGIONS = 64;

  private final AtomicInteger pages = new AtomicInteger();
  private final AtomicIntegerArray regions = new AtomicIntegerArray(1 << SLOT_BITS);

  void added(long page) {
    regions.getAndIncrement(slot(page >>> REGION_SHIFT));
    pages.getAndIncrement();
  }

  void removed(long page) {
    regions.getAndDecrement(slot(page >>> REGION_SHIFT));
    pages.getAndDecrement();
  }

  /** Pages that are cached. */
  int pages() {
    return pages.get();
  }

  /** Whether any of the pages may be cached. */
  boolean mayContain(long firstPage, long lastPage) {
    if (pages.get() == 0) {
      return false;
    }
    long lastRegion = lastPage >>> REGION_SHIFT;
    long region = firstPage >>> REGION_SHIFT;
    if (lastRegion - region >= MAX_REGIONS) {
      return true;
    }
    for (; region <= lastRegion; region++) {
      if (regions.get(slot(region)) != 0) {
        return true;
      }
    }
    return false;
  }

  private static int slot(long region) {
    return (int) ((region * 0x9E3779B97F4A7C15L) >>> (Long.SIZE - SLOT_BITS));
  }
}
