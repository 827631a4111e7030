package io.nvmedirect.driver;

import io.nvmedirect.spec.IdentifyNamespace;
import io.nvmedirect.spec.LbaFormat;
import io.nvmedirect.spec.NvmeException;
import org.jspecify.annotations.Nullable;

/**
 * What I/O needs to know of a namespace. It holds until another host changes the namespace: from then on
 * nothing is submitted for it, since lengths in blocks mean other lengths in bytes.
 */
public final class Namespace {

  /** NLB is a zero-based 16-bit count. */
  public static final int MAX_COMMAND_BLOCKS = 65536;

  private final int id;
  private final int blockShift;
  private final long sizeBlocks;
  private final int maxTransferBlocks;
  private final int sglAlignment;
  private final boolean writeProtected;

  /**
   * What became of it; null while it is what it was. Beside the fields that each command reads, so that
   * looking costs no other cache line.
   */
  private volatile @Nullable String change;

  /**
   * @param id namespace identifier
   * @param blockShift log2 of the bytes of a logical block
   * @param sizeBlocks logical blocks
   * @param maxTransferBlocks most blocks of one command that transfers data, 1 to 65536
   * @param sglAlignment of the data blocks of an SGL: 1 or 4 bytes; 0 if the controller takes no SGLs
   * @param writeProtected whether commands that change data fail
   */
  Namespace(
      int id,
      int blockShift,
      long sizeBlocks,
      int maxTransferBlocks,
      int sglAlignment,
      boolean writeProtected) {
    this.id = id;
    this.blockShift = blockShift;
    this.sizeBlocks = sizeBlocks;
    this.maxTransferBlocks = maxTransferBlocks;
    this.sglAlignment = sglAlignment;
    this.writeProtected = writeProtected;
  }

  /**
   * @param maxTransferBytes most bytes of one command
   * @param sglAlignment as the constructor has it
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
        sglAlignment,
        identify.writeProtected());
  }

  public int id() {
    return id;
  }

  public int blockShift() {
    return blockShift;
  }

  public long sizeBlocks() {
    return sizeBlocks;
  }

  /** Most blocks of one command that transfers data. */
  public int maxTransferBlocks() {
    return maxTransferBlocks;
  }

  /** Of the data blocks of an SGL: 1 or 4 bytes; 0 if the controller takes no SGLs. */
  public int sglAlignment() {
    return sglAlignment;
  }

  /** Whether commands that change data fail. */
  public boolean writeProtected() {
    return writeProtected;
  }

  public int blockBytes() {
    return 1 << blockShift;
  }

  public long sizeBytes() {
    return sizeBlocks << blockShift;
  }

  // ---- Changes by another host.

  /** What another host has made of it; null while it is what it was. Any thread. */
  public @Nullable String change() {
    return change;
  }

  /** Throws if another host has changed it. */
  public void checkUnchanged() throws NvmeException {
    String what = change;
    if (what != null) {
      throw new NvmeException(what);
    }
  }

  /** Ends I/O for good; {@code what} says why, and what to do. */
  void changed(String what) {
    change = what;
  }

  /** What is different now; null if nothing is that I/O depends on. */
  @Nullable String difference(IdentifyNamespace now) {
    LbaFormat format = now.format();
    if (now.sizeBlocks() <= 0 || format.dataBytes() == 0) {
      return "was detached or deleted";
    }
    if (format.dataBytes() != blockBytes() || format.metadataBytes() != 0) {
      String metadata =
          format.metadataBytes() == 0
              ? ""
              : " with %d bytes of metadata".formatted(format.metadataBytes());
      return "was reformatted from %d-byte to %d-byte blocks%s"
          .formatted(blockBytes(), format.dataBytes(), metadata);
    }
    if (now.sizeBlocks() != sizeBlocks) {
      return "was resized from %d to %d blocks of %d bytes"
          .formatted(sizeBlocks, now.sizeBlocks(), blockBytes());
    }
    return null;
  }
}
