package io.nvmedirect.serve;

import io.nvmedirect.linux.Errno;

/**
 * What all clients of a server have mapped together. A file without content costs a client nothing, but
 * the server its address space, of which a process has 128 TiB, and mappings, of which it has 65530.
 * Belongs to the server's thread.
 */
final class MappingBudget {

  /** Bytes that one client can have mapped: the memory of a large virtual machine. */
  static final long MOST_BYTES_OF_CLIENT = 1L << 40;

  private static final long MOST_BYTES = 64L << 40;
  private static final int MOST_MAPPINGS = 32 << 10;

  private long bytes;
  private int mappings;

  /** Takes room for one mapping, which is given back with {@link #giveBack}. */
  void take(long sizeBytes) throws BadRequestException {
    if (sizeBytes > MOST_BYTES - bytes || mappings == MOST_MAPPINGS) {
      throw new BadRequestException(
          Errno.ENOSPC,
          "all clients together have %d regions of 0x%x bytes: no room for 0x%x more"
              .formatted(mappings, bytes, sizeBytes));
    }
    bytes += sizeBytes;
    mappings++;
  }

  void giveBack(long sizeBytes) {
    bytes -= sizeBytes;
    mappings--;
  }
}
