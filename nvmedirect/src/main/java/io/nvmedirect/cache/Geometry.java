package io.nvmedirect.cache;

/**
 * Positions, pages and sectors of a device. A page has one mask bit per sector, bit 0 for the first:
 * one bit with sectors of 4096 bytes, eight with 512. Ends are exclusive. No sum exceeds the device's
 * size, so none overflows.
 *
 * @param deviceBytes size of the device, a multiple of the sector; the last page may be partial
 * @param sectorBytes bytes of a sector, a power of two from 512 to 4096
 */
record Geometry(long deviceBytes, int sectorBytes) {

  static final int PAGE_SHIFT = 12;
  static final int PAGE_BYTES = 1 << PAGE_SHIFT;

  Geometry {
    if (sectorBytes < 512 || sectorBytes > PAGE_BYTES || Integer.bitCount(sectorBytes) != 1) {
      throw new IllegalArgumentException(
          "sectors have 512 to 4096 bytes, a power of two: sectorBytes=" + sectorBytes);
    }
    if (deviceBytes <= 0 || deviceBytes % sectorBytes != 0) {
      throw new IllegalArgumentException(
          "a device has a positive number of whole sectors: deviceBytes=%d, sectorBytes=%d"
              .formatted(deviceBytes, sectorBytes));
    }
  }

  static long pageOf(long position) {
    return position >>> PAGE_SHIFT;
  }

  static int offsetInPage(long position) {
    return (int) (position & (PAGE_BYTES - 1));
  }

  /** Position of the first byte of the sector that holds the byte at {@code position}. */
  long sectorStart(long position) {
    return position & -sectorBytes;
  }

  /** End of the sector that holds the byte before {@code end}, which is at least 1. */
  long sectorEnd(long end) {
    return ((end - 1) | (sectorBytes - 1)) + 1;
  }

  /** Mask of the sectors of a page that the range touches; it touches at least one. */
  int sectorMask(long page, long position, long end) {
    long pageStart = page << PAGE_SHIFT;
    int from = (int) Math.max(position - pageStart, 0);
    int to = (int) Math.min(end - pageStart, PAGE_BYTES);
    return ((2 << ((to - 1) / sectorBytes)) - 1) & -(1 << (from / sectorBytes));
  }

  /** The lowest adjacent ones of a mask that has any. */
  static int lowestRun(int mask) {
    return mask & ~(mask + Integer.lowestOneBit(mask));
  }

  /** Offset in the page of the first byte of the sectors of a mask that has any. */
  int runOffset(int mask) {
    return Integer.numberOfTrailingZeros(mask) * sectorBytes;
  }

  /** Bytes of the sectors of a mask. */
  int runBytes(int mask) {
    return Integer.bitCount(mask) * sectorBytes;
  }

  /** Position of the first byte of the sectors of a mask that has any. */
  long runPosition(long page, int mask) {
    return (page << PAGE_SHIFT) + runOffset(mask);
  }

  /**
   * @throws IllegalArgumentException if the range is not within the device
   */
  void checkRange(long position, long lengthBytes) {
    if (position < 0 || lengthBytes < 0 || position > deviceBytes - lengthBytes) {
      throw new IllegalArgumentException(
          "outside the device: position=%d, lengthBytes=%d, deviceBytes=%d"
              .formatted(position, lengthBytes, deviceBytes));
    }
  }

  /**
   * @throws IllegalArgumentException if the range is not one of whole sectors
   */
  void checkWholeSectors(long position, long lengthBytes) {
    if (((position | lengthBytes) & (sectorBytes - 1)) != 0) {
      throw new IllegalArgumentException(
          "not whole sectors: position=%d, lengthBytes=%d, sectorBytes=%d"
              .formatted(position, lengthBytes, sectorBytes));
    }
  }
}
