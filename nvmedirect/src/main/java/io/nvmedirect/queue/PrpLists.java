package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.Sqe;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Physical region pages of the commands of a queue (NVMe 1.4, section 4.3). A buffer has a list of all
 * its pages, made once; for ranges whose entries are not in one page of it each slot has a page for a PRP
 * list, so describing a buffer allocates nothing.
 *
 * <p>PRP1 is the address of the first byte, at any multiple of 4; the entries after it are page
 * aligned. Two pages fit into PRP1 and PRP2; more, and PRP2 is the address of the list.
 */
final class PrpLists {

  static final int PAGE_BYTES = 4096;
  private static final int ENTRIES = PAGE_BYTES / Long.BYTES;

  /** Most bytes that one list describes, wherever in its page the buffer begins. */
  static final long MAX_TRANSFER_BYTES = (long) ENTRIES * PAGE_BYTES;

  private static final VarHandle ENTRY =
      ValueLayout.JAVA_LONG
          .withOrder(ByteOrder.LITTLE_ENDIAN)
          .varHandle()
          .withInvokeExactBehavior();

  private final DmaBuffer buffer;
  private final MemorySegment lists;

  PrpLists(DmaMapper dma, int slots) throws IOException {
    buffer = DmaBuffer.allocate(dma, (long) slots * PAGE_BYTES);
    lists = buffer.segment();
  }

  /** Sets PRP1 and PRP2 of the entry at {@code at} for the bytes of a buffer from {@code offset} on. */
  void describe(
      MemorySegment sq, long at, int slot, DmaBuffer data, long offset, long lengthBytes) {
    long iova = data.iova(offset);
    long second = (iova & -PAGE_BYTES) + PAGE_BYTES;
    long end = iova + lengthBytes;
    long prp2 = 0;
    if (end > second) {
      prp2 = end - second <= PAGE_BYTES ? second : list(slot, data, second, end);
    }
    Sqe.setPrps(sq, at, iova, prp2);
  }

  /** Mostly a part of the buffer's own list, which need not be written for each command. */
  private long list(int slot, DmaBuffer data, long firstPage, long end) {
    long count = (end - firstPage + PAGE_BYTES - 1) / PAGE_BYTES;
    long known = data.pages().entries(firstPage, count);
    return known != 0 ? known : writeList(slot, firstPage, end);
  }

  private long writeList(int slot, long firstPage, long end) {
    long list = (long) slot * PAGE_BYTES;
    long entry = list;
    for (long page = firstPage; page < end; page += PAGE_BYTES) {
      ENTRY.set(lists, entry, page);
      entry += Long.BYTES;
    }
    return buffer.iova(list);
  }

  /** The pages of all slots. */
  MemorySegment memory() {
    return lists;
  }

  /** The I/O virtual address of a byte of {@link #memory}. */
  long iova(long offset) {
    return buffer.iova(offset);
  }

  void close() {
    buffer.close();
  }
}
