package io.nvmedirect.cache;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Counts ranges of pages by region of 32 KiB, regions being hashed to counters: it says "none here" or
 * "perhaps". Ranges of very many regions are counted as one that is everywhere. Any thread; all accesses
 * are volatile, so that of two threads which each add here and then look there at least one sees the
 * other.
 */
final class RegionCounts {

  private static final int REGION_SHIFT = 3;
  private static final int SLOT_BITS = 13;

  /** Looking up or counting more regions than this costs more than the answer is worth. */
  private static final int MAX_REGIONS = 256;

  private final AtomicIntegerArray regions = new AtomicIntegerArray(1 << SLOT_BITS);
  private final AtomicInteger everywhere = new AtomicInteger();

  void add(long firstPage, long lastPage) {
    change(firstPage, lastPage, 1);
  }

  /** Takes back one {@link #add} of the same range. */
  void remove(long firstPage, long lastPage) {
    change(firstPage, lastPage, -1);
  }

  private void change(long firstPage, long lastPage, int by) {
    long region = firstPage >>> REGION_SHIFT;
    long lastRegion = lastPage >>> REGION_SHIFT;
    if (lastRegion - region >= MAX_REGIONS) {
      everywhere.getAndAdd(by);
      return;
    }
    for (; region <= lastRegion; region++) {
      regions.getAndAdd(slot(region), by);
    }
  }

  /** Whether any range that was added may have pages in common with this one. */
  boolean mayOverlap(long firstPage, long lastPage) {
    if (everywhere.get() != 0) {
      return true;
    }
    long region = firstPage >>> REGION_SHIFT;
    long lastRegion = lastPage >>> REGION_SHIFT;
    if (lastRegion - region >= MAX_REGIONS) {
      return hasAny();
    }
    for (; region <= lastRegion; region++) {
      if (regions.get(slot(region)) != 0) {
        return true;
      }
    }
    return false;
  }

  private boolean hasAny() {
    for (int slot = 0; slot < regions.length(); slot++) {
      if (regions.get(slot) != 0) {
        return true;
      }
    }
    return false;
  }

  private static int slot(long region) {
    return (int) ((region * 0x9E3779B97F4A7C15L) >>> (Long.SIZE - SLOT_BITS));
  }
}
