package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.Sgl;
import io.nvmedirect.spec.Sqe;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Data pointers of commands whose data is in several pieces, in the pages that {@link PrpLists} has for
 * each slot. PRPs (NVMe 1.4, section 4.3) where they can say it: every piece but the first begins on a
 * page boundary, and every one but the last ends on one. Else an SGL (section 4.4): one data block is the
 * data pointer itself; of several, which fill one segment at the most, it is the address.
 */
final class VectorPointers {

  private static final long PAGE_BYTES = PrpLists.PAGE_BYTES;

  /** Data blocks of one command. */
  static final int MAX_DESCRIPTORS = PrpLists.PAGE_BYTES / Sgl.BYTES;

  private static final VarHandle ENTRY =
      ValueLayout.JAVA_LONG
          .withOrder(ByteOrder.LITTLE_ENDIAN)
          .varHandle()
          .withInvokeExactBehavior();

  private final PrpLists pages;
  private final MemorySegment lists;

  VectorPointers(PrpLists pages) {
    this.pages = pages;
    this.lists = pages.memory();
  }

  /** What {@link io.nvmedirect.transport.QueuePair#fit} says. */
  static long fit(DmaVector data, long offset, long mostBytes, int blockBytes, int sglAlignment) {
    long fit = prpReach(data, offset, mostBytes);
    if (fit < mostBytes && sglAlignment != 0) {
      fit = Math.max(fit, sglReach(data, offset, mostBytes, sglAlignment));
    }
    return fit & -(long) blockBytes;
  }

  /** Bytes from {@code offset} on that PRPs can describe. */
  private static long prpReach(DmaVector data, long offset, long mostBytes) {
    int piece = data.pieceAt(offset);
    if ((iova(data, piece, offset) & 3) != 0) {
      return 0;
    }
    long reach = data.end(piece) - offset;
    while (reach < mostBytes
        && isPageBoundary(data.iova(piece) + data.end(piece) - data.start(piece))
        && isPageBoundary(data.iova(piece + 1))) {
      piece++;
      reach = data.end(piece) - offset;
    }
    return Math.min(reach, mostBytes);
  }

  /** Bytes from {@code offset} on that an SGL can describe; a multiple of the alignment. */
  private static long sglReach(DmaVector data, long offset, long mostBytes, int alignment) {
    int mask = alignment - 1;
    int piece = data.pieceAt(offset);
    long at = iova(data, piece, offset);
    long reach = 0;
    // The offset, a multiple of the block, and the lengths before are aligned: so is a piece's
    // length,
    // if the sum is.
    for (int blocks = 0; blocks < MAX_DESCRIPTORS && (at & mask) == 0; blocks++) {
      reach = data.end(piece) - offset;
      if (reach >= mostBytes) {
        return mostBytes;
      }
      if ((reach & mask) != 0) {
        break;
      }
      piece++;
      at = data.iova(piece);
    }
    return reach & -(long) alignment;
  }

  private static boolean isPageBoundary(long iova) {
    return (iova & (PAGE_BYTES - 1)) == 0;
  }

  private static long iova(DmaVector data, int piece, long offset) {
    return data.iova(piece) + offset - data.start(piece);
  }

  /** Sets the data pointer of the entry at {@code at}, for as many bytes as {@link #fit} allows. */
  void describe(
      MemorySegment sq, long at, int slot, DmaVector data, long offset, long lengthBytes) {
    if (prpReach(data, offset, lengthBytes) == lengthBytes) {
      describeByPrps(sq, at, slot, data, offset, lengthBytes);
    } else {
      describeBySgl(sq, at, slot, data, offset, lengthBytes);
    }
  }

  private void describeByPrps(
      MemorySegment sq, long at, int slot, DmaVector data, long offset, long lengthBytes) {
    long list = (long) slot * PAGE_BYTES;
    long entry = list;
    long end = offset + lengthBytes;
    int piece = data.pieceAt(offset);
    long prp1 = iova(data, piece, offset);
    long page = (prp1 & -PAGE_BYTES) + PAGE_BYTES;
    long prp2 = 0;
    while (true) {
      long pieceEnd = iova(data, piece, Math.min(data.end(piece), end));
      for (; page < pieceEnd; page += PAGE_BYTES) {
        prp2 = page;
        ENTRY.set(lists, entry, page);
        entry += Long.BYTES;
      }
      if (data.end(piece) >= end) {
        break;
      }
      piece++;
      page = data.iova(piece);
    }
    // One page more fits into the entry itself.
    Sqe.setPrps(sq, at, prp1, entry - list <= Long.BYTES ? prp2 : pages.iova(list));
  }

  private void describeBySgl(
      MemorySegment sq, long at, int slot, DmaVector data, long offset, long lengthBytes) {
    long list = (long) slot * PAGE_BYTES;
    long entry = list;
    long end = offset + lengthBytes;
    int piece = data.pieceAt(offset);
    if (data.end(piece) >= end) {
      Sqe.setSgl(sq, at, iova(data, piece, offset), lengthBytes, Sgl.DATA_BLOCK);
      return;
    }
    for (long from = offset; from < end; piece++) {
      long to = Math.min(data.end(piece), end);
      Sgl.descriptor(lists, entry, iova(data, piece, from), to - from, Sgl.DATA_BLOCK);
      entry += Sgl.BYTES;
      from = to;
    }
    Sqe.setSgl(sq, at, pages.iova(list), entry - list, Sgl.LAST_SEGMENT);
  }
}
