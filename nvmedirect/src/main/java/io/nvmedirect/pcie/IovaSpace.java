package io.nvmedirect.pcie;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which I/O virtual addresses are free. An address that was given back is used again as late as
 * possible, and a page stays free behind each range, so that a transfer to memory that is no longer
 * mapped, or past the end of what is, meets the IOMMU and not somebody else's data. Not safe for
 * several threads.
 */
final class IovaSpace {

  private static final long PAGE_BYTES = 4096;

  /** Below this nothing is given out: address 0 means "none" to people and to some devices. */
  private static final long LOWEST = 1 << 20;

  /**
   * Addresses that the IOMMU can translate.
   *
   * @param last inclusive
   */
  record Range(long first, long last) {}

  private final List<Range> usable;

  /** Start to end (exclusive, with the page that stays free). */
  private final TreeMap<Long, Long> taken = new TreeMap<>();

  private long next = LOWEST;

  /**
   * @param usable ascending
   */
  IovaSpace(List<Range> usable) {
    this.usable = List.copyOf(usable);
  }

  /**
   * Takes a range of addresses.
   *
   * @param bytes a multiple of 4096
   * @param alignment a power of two, at least 4096
   * @param remainder of the first address by the alignment
   */
  long take(long bytes, long alignment, long remainder) throws IOException {
    long found = find(next, Long.MAX_VALUE, bytes, alignment, remainder);
    if (found < 0) {
      found = find(LOWEST, next, bytes, alignment, remainder);
    }
    if (found < 0) {
      throw new IOException(
          "no I/O virtual addresses are left for %d bytes: the IOMMU translates %s, and %d ranges are mapped"
              .formatted(bytes, usable, taken.size()));
    }
    next = found + bytes + PAGE_BYTES;
    taken.put(found, next);
    return found;
  }

  /** Gives back what {@link #take} returned. */
  void give(long first) {
    taken.remove(first);
  }

  /** The first fitting address from {@code from} on and below {@code before}; −1 if there is none. */
  private long find(long from, long before, long bytes, long alignment, long remainder) {
    for (Range range : usable) {
      long at = align(Math.max(Math.max(range.first, from), LOWEST), alignment, remainder);
      while (at < before && fits(at, bytes, range.last)) {
        Map.Entry<Long, Long> below = taken.lowerEntry(at + bytes + PAGE_BYTES);
        if (below == null || below.getValue() <= at) {
          return at;
        }
        at = align(below.getValue(), alignment, remainder);
      }
    }
    return -1;
  }

  private static boolean fits(long at, long bytes, long last) {
    return at >= 0 && Long.compareUnsigned(at + bytes - 1, last) <= 0;
  }

  private static long align(long at, long alignment, long remainder) {
    return at + ((remainder - at) & (alignment - 1));
  }
}
