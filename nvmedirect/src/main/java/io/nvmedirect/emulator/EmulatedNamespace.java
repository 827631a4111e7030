package io.nvmedirect.emulator;

/** A namespace: a part of the media, its LBA format, and the blocks that cannot be read. */
final class EmulatedNamespace {

  /** LBA data sizes by format index, as powers of two. */
  private static final int[] FORMAT_SHIFTS = {9, 12};

  final int nsid;
  final long positionBytes;
  final long sizeBytes;
  final BlockRanges uncorrectable = new BlockRanges();

  private int format;
  private int shift;
  private long blocks;

  EmulatedNamespace(int nsid, long positionBytes, long sizeBytes, int lbaBytes) {
    this.nsid = nsid;
    this.positionBytes = positionBytes;
    this.sizeBytes = sizeBytes;
    format(lbaBytes == 512 ? 0 : 1);
  }

  static int formats() {
    return FORMAT_SHIFTS.length;
  }

  static int formatShift(int format) {
    return FORMAT_SHIFTS[format];
  }

  /** Whether the namespace has at least one block in a format. */
  boolean fits(int newFormat) {
    return sizeBytes >>> FORMAT_SHIFTS[newFormat] != 0;
  }

  /** Takes a format; the caller erases the data. */
  void format(int newFormat) {
    format = newFormat;
    shift = FORMAT_SHIFTS[newFormat];
    blocks = sizeBytes >>> shift;
    uncorrectable.clear();
  }

  int format() {
    return format;
  }

  long blocks() {
    return blocks;
  }

  long bytes(long lengthBlocks) {
    return lengthBlocks << shift;
  }

  /** Whether all of these blocks exist; {@code slba} is unsigned. */
  boolean contains(long slba, long lengthBlocks) {
    return slba >= 0 && slba < blocks && lengthBlocks <= blocks - slba;
  }

  /** Where a block that exists begins on the media. */
  long position(long slba) {
    return positionBytes + (slba << shift);
  }

  /** Whether any of these blocks was marked by Write Uncorrectable. */
  boolean isUncorrectable(long slba, long lengthBlocks) {
    return !uncorrectable.isEmpty() && uncorrectable.intersects(slba, slba + lengthBlocks);
  }

  /** The blocks have been written. */
  void written(long slba, long lengthBlocks) {
    if (!uncorrectable.isEmpty()) {
      uncorrectable.remove(slba, slba + lengthBlocks);
    }
  }
}
