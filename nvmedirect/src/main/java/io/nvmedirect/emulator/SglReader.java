package io.nvmedirect.emulator;

import io.nvmedirect.spec.Status;

/**
 * Walks a scatter gather list (NVMe 1.4, section 4.4, figures 111 to 117). A descriptor is 16 bytes:
 *
 * <pre>
 *   0   |                 address                  |
 *   8   | length (4 bytes) | reserved | type | sub |   type: bits 63:60, sub type: bits 59:56
 * </pre>
 *
 * Data blocks, segments and last segments with a plain address are supported.
 */
final class SglReader {

  private static final int DESCRIPTOR_BYTES = 16;
  private static final int DATA_BLOCK = 0;
  private static final int SEGMENT = 2;
  private static final int LAST_SEGMENT = 3;

  /** Bounds the work that one command can ask for: a list may lead back to itself. */
  private static final int MAX_DESCRIPTORS = 1 << 17;

  private final DataPointer pieces;
  private final int alignment;
  private long rest;

  SglReader(DataPointer pieces, int alignment) {
    this.alignment = alignment;
    this.pieces = pieces;
  }

  /** Adds the pieces of the list whose first descriptor is the command's data pointer. */
  int read(long address, long word, long lengthBytes) {
    rest = lengthBytes;
    int status =
        switch (type(word)) {
          case DATA_BLOCK -> data(address, word);
          case SEGMENT, LAST_SEGMENT -> segments(address, word);
          default -> Status.SGL_TYPE_INVALID | Status.DNR;
        };
    if (status == Status.SUCCESS && rest != 0) {
      return Status.SGL_DATA_LENGTH_INVALID | Status.DNR;
    }
    return status;
  }

  /** A type with a sub type other than "address" is none that is supported. */
  private static int type(long word) {
    return (word >>> 56 & 0xF) == 0 ? (int) (word >>> 60) : -1;
  }

  private static long length(long word) {
    return word & 0xFFFF_FFFFL;
  }

  private int data(long address, long word) {
    long length = length(word);
    if (((address | length) & (alignment - 1)) != 0) {
      return Status.SGL_GRANULARITY_INVALID | Status.DNR;
    }
    if (length > rest) {
      return Status.SGL_DATA_LENGTH_INVALID | Status.DNR;
    }
    rest -= length;
    return length == 0 ? Status.SUCCESS : pieces.add(address, length);
  }

  private int segments(long firstAddress, long firstWord) {
    long address = firstAddress;
    long word = firstWord;
    int budget = MAX_DESCRIPTORS;
    while (true) {
      long bytes = length(word);
      boolean last = type(word) == LAST_SEGMENT;
      if (bytes == 0 || bytes % DESCRIPTOR_BYTES != 0) {
        return Status.INVALID_SGL_SEGMENT | Status.DNR;
      }
      int count = (int) (bytes / DESCRIPTOR_BYTES);
      budget -= count;
      if (budget < 0) {
        return Status.INVALID_SGL_COUNT | Status.DNR;
      }
      int range = pieces.find(address, bytes);
      if (range < 0) {
        return Status.DATA_TRANSFER_ERROR;
      }
      int plain = last ? count : count - 1;
      int status = dataBlocks(range, address, plain, last);
      if (status != Status.SUCCESS || last) {
        return status;
      }
      long end = address + (long) plain * DESCRIPTOR_BYTES;
      address = pieces.word(range, end);
      word = pieces.word(range, end + Long.BYTES);
      if (type(word) != SEGMENT && type(word) != LAST_SEGMENT) {
        return Status.INVALID_SGL_SEGMENT | Status.DNR;
      }
    }
  }

  private int dataBlocks(int range, long address, int count, boolean last) {
    for (int i = 0; i < count; i++) {
      long at = address + (long) i * DESCRIPTOR_BYTES;
      long word = pieces.word(range, at + Long.BYTES);
      int type = type(word);
      if (type == SEGMENT || type == LAST_SEGMENT) {
        // At the end of a last segment: wrong kind. Before the end of any: wrong count.
        return (last && i == count - 1 ? Status.INVALID_SGL_SEGMENT : Status.INVALID_SGL_COUNT)
            | Status.DNR;
      }
      int status =
          type == DATA_BLOCK
              ? data(pieces.word(range, at), word)
              : Status.SGL_TYPE_INVALID | Status.DNR;
      if (status != Status.SUCCESS) {
        return status;
      }
    }
    return Status.SUCCESS;
  }
}
