package io.nvmedirect.driver;

import io.nvmedirect.spec.IdentifyNamespace;
import io.nvmedirect.spec.LbaFormat;
import io.nvmedirect.spec.NvmeException;

/**
 * What I/O needs to know of a namespace.
 *
 * @param id namespace identifier
 * @param blockShift log2 of the bytes of a logical block
 * @param sizeBlocks logical blocks
 * @param maxTransferBlocks most blocks of one command that transfers data, 1 to 65536
 * @param sglAlignment of the data blocks of an SGL: 1 or 4 bytes; 0 if the controller takes no SGLs
 */
public record Namespace(
    int id, int blockShift, long sizeBlocks, int maxTransferBlocks, int sglAlignment) {

  /** NLB is a zero-based 16-bit count. */
  public static final int MAX_COMMAND_BLOCKS = 65536;

  /**
   * @param maxTransferBytes most bytes of one command
   * @param sglAlignment as the record has it
   * @throws NvmeException if the LBA format is one that is not supported
   */
  static Namespace of(
      String name, int id, IdentifyNamespace identify, long maxTransferBytes, int sglAlignment)
      throws NvmeException {
    LbaFormat format = identify.format();
    int blockBytes = format.dataBytes();
    if (identify.sizeBlocks() <= 0 || blockBytes == 0) {
      throw new NvmeException("%s: namespace %d is not active".formatted(name, id));
    }
    if (format.metadataBytes() != 0 || blockBytes < 512 || blockBytes > maxTransferBytes) {
      throw new NvmeException(
          ("%s: namespace %d has blocks of %d bytes with %d bytes of metadata; supported are blocks"
                  + " of at least 512 bytes without metadata: format it to such an LBA format")
              .formatted(name, id, blockBytes, format.metadataBytes()));
    }
    return new Namespace(
        id,
        Integer.numberOfTrailingZeros(blockBytes),
        identify.sizeBlocks(),
        (int) Math.min(MAX_COMMAND_BLOCKS, maxTransferBytes / blockBytes),
        sglAlignment);
  }

  public int blockBytes() {
    return 1 << blockShift;
  }

  public long sizeBytes() {
    return sizeBlocks << blockShift;
  }
}
