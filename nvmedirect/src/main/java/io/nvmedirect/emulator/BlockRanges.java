package io.nvmedirect.emulator;

import java.util.Map;
import java.util.TreeMap;

/** A set of logical blocks, kept as disjoint ranges: those that Write Uncorrectable has marked. */
final class BlockRanges {

  /** Bounds the memory that a host can make the controller take. */
  private static final int MAX_RANGES = 1 << 16;

  private final TreeMap<Long, Long> endByStart = new TreeMap<>();

  boolean isEmpty() {
    return endByStart.isEmpty();
  }

  void clear() {
    endByStart.clear();
  }

  /** Whether any block of [start, end) is in the set. */
  boolean intersects(long start, long end) {
    Map.Entry<Long, Long> before = endByStart.lowerEntry(end);
    return before != null && before.getValue() > start;
  }

  /**
   * Adds the blocks of [start, end).
   *
   * @return false if the set has no room for more ranges
   */
  boolean add(long start, long end) {
    if (endByStart.size() >= MAX_RANGES) {
      return false;
    }
    remove(start, end);
    endByStart.put(start, end);
    return true;
  }

  /** Removes the blocks of [start, end). */
  void remove(long start, long end) {
    Map.Entry<Long, Long> before = endByStart.lowerEntry(end);
    while (before != null && before.getValue() > start) {
      endByStart.remove(before.getKey());
      if (before.getKey() < start) {
        endByStart.put(before.getKey(), start);
      }
      if (before.getValue() > end) {
        endByStart.put(end, before.getValue());
      }
      before = endByStart.lowerEntry(before.getKey());
    }
  }
}
