package io.nvmedirect.emulator;

import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The data pointer of one command, resolved to pieces of host memory: PRP entries and lists (NVMe
 * 1.4, section 4.3) and SGLs (section 4.4). All of it is translated before any data moves, so that a
 * bad pointer changes nothing. Kept for the next command; owned by the engine.
 */
final class DataPointer {

  private static final long PAGE_BYTES = 4096;
  private static final int INITIAL_PIECES = 256;

  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Iommu iommu;
  private final SglReader sgl;
  private Iommu.Table table;
  private int range;
  private MemorySegment[] segments = new MemorySegment[INITIAL_PIECES];
  private long[] offsets = new long[INITIAL_PIECES];
  private long[] lengths = new long[INITIAL_PIECES];
  private int count;

  /** How far {@link #take} has come: a piece, and the bytes of it that were taken. */
  private int takenPieces;

  private long takenBytes;

  /**
   * @param sglAlignment what the address and length of a data block are multiples of
   */
  DataPointer(Iommu iommu, int sglAlignment) {
    this.iommu = iommu;
    this.sgl = new SglReader(this, sglAlignment);
    this.table = iommu.table();
  }

  int count() {
    return count;
  }

  MemorySegment segment(int piece) {
    return segments[piece];
  }

  long offset(int piece) {
    return offsets[piece];
  }

  long length(int piece) {
    return lengths[piece];
  }

  /**
   * Resolves the data pointer of a command that transfers {@code lengthBytes}.
   *
   * @return 0, or the status that the command fails with
   */
  int resolve(MemorySegment command, long lengthBytes) {
    begin();
    try {
      return Sqe.psdt(command, 0) == Sqe.PSDT_PRP
          ? prps(Sqe.prp1(command, 0), Sqe.prp2(command, 0), lengthBytes)
          : sgl.read(Sqe.prp1(command, 0), Sqe.prp2(command, 0), lengthBytes);
    } catch (IllegalStateException e) {
      return Status.DATA_TRANSFER_ERROR; // the arena of a list was closed
    }
  }

  /** Translates from now on by the IOMMU's table of this moment. */
  private void begin() {
    count = 0;
    takenPieces = 0;
    takenBytes = 0;
    range = -1;
    table = iommu.table();
  }

  private int prps(long prp1, long prp2, long lengthBytes) {
    if ((prp1 & 3) != 0) {
      return Status.PRP_OFFSET_INVALID | Status.DNR;
    }
    long first = Math.min(lengthBytes, PAGE_BYTES - (prp1 & (PAGE_BYTES - 1)));
    int status = add(prp1, first);
    long rest = lengthBytes - first;
    if (status != Status.SUCCESS || rest == 0) {
      return status;
    }
    return rest <= PAGE_BYTES ? page(prp2, rest) : prpLists(prp2, rest);
  }

  private int page(long entry, long lengthBytes) {
    return (entry & (PAGE_BYTES - 1)) == 0
        ? add(entry, lengthBytes)
        : Status.PRP_OFFSET_INVALID | Status.DNR;
  }

  /** Only the first list may begin inside a page; the last entry of a page leads to the next one. */
  private int prpLists(long list, long lengthBytes) {
    if ((list & 7) != 0) {
      return Status.PRP_OFFSET_INVALID | Status.DNR;
    }
    long at = list;
    long rest = lengthBytes;
    while (true) {
      int i = table.find(at);
      if (i < 0 || table.ends[i] - at < Long.BYTES) {
        return Status.DATA_TRANSFER_ERROR;
      }
      long entry = table.segments[i].get(U64, at - table.starts[i]);
      boolean chains = (at & (PAGE_BYTES - 1)) == PAGE_BYTES - Long.BYTES && rest > PAGE_BYTES;
      if (chains) {
        if ((entry & (PAGE_BYTES - 1)) != 0) {
          return Status.PRP_OFFSET_INVALID | Status.DNR;
        }
        at = entry;
        continue;
      }
      long length = Math.min(rest, PAGE_BYTES);
      int status = page(entry, length);
      rest -= length;
      if (status != Status.SUCCESS || rest == 0) {
        return status;
      }
      at += Long.BYTES;
    }
  }

  /**
   * Adds a piece, or makes the last one longer if this one follows it.
   *
   * @return 0, or Data Transfer Error if not all of it is mapped
   */
  int add(long iova, long lengthBytes) {
    int i = range;
    if (i < 0 || iova < table.starts[i] || iova >= table.ends[i]) {
      i = table.find(iova);
      if (i < 0) {
        return Status.DATA_TRANSFER_ERROR;
      }
    }
    if (lengthBytes > table.ends[i] - iova) {
      return Status.DATA_TRANSFER_ERROR;
    }
    long offset = iova - table.starts[i];
    int last = count - 1;
    if (last >= 0 && i == range && offsets[last] + lengths[last] == offset) {
      lengths[last] += lengthBytes;
      return Status.SUCCESS;
    }
    append(table.segments[i], offset, lengthBytes);
    range = i;
    return Status.SUCCESS;
  }

  private void append(MemorySegment segment, long offset, long lengthBytes) {
    int n = count;
    if (n == segments.length) {
      segments = Arrays.copyOf(segments, 2 * n);
      offsets = Arrays.copyOf(offsets, 2 * n);
      lengths = Arrays.copyOf(lengths, 2 * n);
    }
    segments[n] = segment;
    offsets[n] = offset;
    lengths[n] = lengthBytes;
    count = n + 1;
  }

  /** Reads eight bytes of a descriptor, whose range the caller has found. */
  long word(int rangeIndex, long iova) {
    return table.segments[rangeIndex].get(U64, iova - table.starts[rangeIndex]);
  }

  /** The range that has all of these bytes; −1 if none does. */
  int find(long iova, long lengthBytes) {
    int i = table.find(iova);
    return i < 0 || lengthBytes > table.ends[i] - iova ? -1 : i;
  }

  /**
   * Whether every piece is whole blocks, and so can be written by itself.
   *
   * @param inPages whether each block has to be in one page of memory, too, for pages that may be gone
   */
  boolean isWholeBlocks(int blockBytes, boolean inPages) {
    long bits = 0;
    for (int i = 0; i < count; i++) {
      bits |= lengths[i];
      if (inPages) {
        bits |= segments[i].address() + offsets[i];
      }
    }
    return (bits & (blockBytes - 1)) == 0;
  }

  /**
   * Copies the next bytes of what was resolved to the device's memory; those are there.
   *
   * @throws IllegalStateException if memory of the host's was freed
   */
  void take(MemorySegment to, long lengthBytes) {
    for (long done = 0; done < lengthBytes; ) {
      int i = takenPieces;
      long length = Math.min(lengths[i] - takenBytes, lengthBytes - done);
      MemorySegment.copy(segments[i], offsets[i] + takenBytes, to, done, length);
      done += length;
      takenBytes += length;
      if (takenBytes == lengths[i]) {
        takenPieces = i + 1;
        takenBytes = 0;
      }
    }
  }

  /** Copies from the device's memory to what was resolved. */
  int toHost(MemorySegment from) {
    try {
      long done = 0;
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(from, done, segments[i], offsets[i], lengths[i]);
        done += lengths[i];
      }
      return Status.SUCCESS;
    } catch (IllegalStateException | IllegalArgumentException | UnsupportedOperationException e) {
      return Status.DATA_TRANSFER_ERROR; // closed, or read-only
    }
  }

  /** Copies from what was resolved to the device's memory. */
  int fromHost(MemorySegment to) {
    try {
      long done = 0;
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(segments[i], offsets[i], to, done, lengths[i]);
        done += lengths[i];
      }
      return Status.SUCCESS;
    } catch (IllegalStateException e) {
      return Status.DATA_TRANSFER_ERROR;
    }
  }
}
