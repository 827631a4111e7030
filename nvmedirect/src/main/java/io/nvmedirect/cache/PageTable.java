package io.nvmedirect.cache;

import java.util.Arrays;

/**
 * Finds the frame of a page: open addressing with linear probing, at most half full. Removal moves
 * later entries of the cluster back, so there are no tombstones and lookups stay short. Nothing is
 * allocated but by the constructor.
 */
final class PageTable {

  static final int NONE = -1;

  private static final long EMPTY = -1;

  private final long[] pages;
  private final int[] frames;
  private final int mask;
  private final int shift;

  /**
   * @param capacity most pages, 1 to 2^28
   */
  PageTable(int capacity) {
    int slots = Integer.highestOneBit(capacity) << 2;
    pages = new long[slots];
    frames = new int[slots];
    mask = slots - 1;
    shift = Long.numberOfLeadingZeros(slots) + 1;
    Arrays.fill(pages, EMPTY);
  }

  /** The frame of a page, or NONE. */
  int find(long page) {
    int slot = slotOf(page);
    return pages[slot] == page ? frames[slot] : NONE;
  }

  /** Adds a page, or changes its frame. */
  void put(long page, int frame) {
    int slot = slotOf(page);
    pages[slot] = page;
    frames[slot] = frame;
  }

  /** Removes a page that is there. */
  void remove(long page) {
    int hole = slotOf(page);
    for (int slot = (hole + 1) & mask; pages[slot] != EMPTY; slot = (slot + 1) & mask) {
      // An entry may move back to the hole if that is not before its home.
      if (((slot - home(pages[slot])) & mask) >= ((slot - hole) & mask)) {
        pages[hole] = pages[slot];
        frames[hole] = frames[slot];
        hole = slot;
      }
    }
    pages[hole] = EMPTY;
  }

  /** The slot that has the page, or the empty one where it would go. */
  private int slotOf(long page) {
    int slot = home(page);
    while (pages[slot] != page && pages[slot] != EMPTY) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private int home(long page) {
    return (int) ((page * 0x9E3779B97F4A7C15L) >>> shift);
  }
}
