package io.nvmedirect.emulator;

/** A namespace: a part of the media, its LBA format, and the blocks that cannot be read. */
final class EmulatedNamespace {

  /** LBA data sizes that a namespace can be formatted to, as powers of two. */
  private static final int[] FORMATS = {9, 12};

  /** Among the namespaces of the subsystem, from 1. */
  final int number;

  final long positionBytes;

  /** Changes only if the blocks are another device's. */
  long sizeBytes;

  final BlockRanges uncorrectable = new BlockRanges();

  /** LBA data sizes by format index. */
  private int[] shifts;

  private int format;
  private int shift;
  private long blocks;

  EmulatedNamespace(int number, long positionBytes, long sizeBytes, int lbaBytes) {
    this(number, positionBytes, sizeBytes, FORMATS);
    format(lbaBytes == 512 ? 0 : 1);
  }

  private EmulatedNamespace(int number, long positionBytes, long sizeBytes, int[] shifts) {
    this.number = number;
    this.positionBytes = positionBytes;
    this.sizeBytes = sizeBytes;
    this.shifts = shifts;
    format(0);
  }

  /** A namespace of another device: its format stays. */
  static EmulatedNamespace of(BlockDevice device, int number) {
    int shift = Integer.numberOfTrailingZeros(device.blockBytes(number));
    return new EmulatedNamespace(number, 0, device.blocks(number) << shift, new int[] {shift});
  }

  int formats() {
    return shifts.length;
  }

  int formatShift(int format) {
    return shifts[format];
  }

  /**
   * Whether the namespace has at least one block in a format, and its blocks would begin where such
   * blocks of the media do: one that is in two pages of a file is not atomic.
   */
  boolean fits(int newFormat) {
    return sizeBytes >>> shifts[newFormat] != 0
        && (positionBytes & ((1L << shifts[newFormat]) - 1)) == 0;
  }

  /** Takes a format; the caller erases the data. */
  final void format(int newFormat) {
    format = newFormat;
    shift = shifts[newFormat];
    blocks = sizeBytes >>> shift;
    uncorrectable.clear();
  }

  /** Takes the format and the size that another device has now; no blocks if that has lost it. */
  void adopt(BlockDevice device) {
    shifts = new int[] {Integer.numberOfTrailingZeros(device.blockBytes(number))};
    sizeBytes = device.blocks(number) << shifts[0];
    format(0);
  }

  /** Takes a size of at most what the format has room for; 0 for a namespace that is not active. */
  void resize(long newBlocks) {
    blocks = Math.min(newBlocks, sizeBytes >>> shift);
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
