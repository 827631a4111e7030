package io.nvmedirect.memory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The addresses of the pages of a buffer, one after the other, in memory that the device can reach: the
 * PRP list (NVMe 1.4, section 4.3) of any range of the buffer is a part of it.
 */
public final class PageList {

  private static final int PAGE_BYTES = 4096;
  private static final int ENTRIES_PER_PAGE = PAGE_BYTES / Long.BYTES;

  /** Stands for a list that could not be made, so that it is not tried again. */
  static final PageList NONE = new PageList(0, 0, 0, null);

  private static final VarHandle ENTRY =
      ValueLayout.JAVA_LONG
          .withOrder(ByteOrder.LITTLE_ENDIAN)
          .varHandle()
          .withInvokeExactBehavior();

  private final long firstPage;
  private final long pages;
  private final long iova;
  private final @Nullable Arena arena;

  private PageList(long firstPage, long pages, long iova, @Nullable Arena arena) {
    this.firstPage = firstPage;
    this.pages = pages;
    this.iova = iova;
    this.arena = arena;
  }

  /** The list of a range of addresses; {@link #NONE} if there is no memory for it. */
  @SuppressWarnings("MustBeClosedChecker") // free() closes it
  static PageList make(DmaMapper mapper, long from, long lengthBytes) {
    long firstPage = from & -PAGE_BYTES;
    long pages = (from - firstPage + lengthBytes + PAGE_BYTES - 1) / PAGE_BYTES;
    long bytes = (pages * Long.BYTES + PAGE_BYTES - 1) & -PAGE_BYTES;
    Arena arena = Arena.ofShared();
    try {
      MemorySegment list = mapper.allocate(bytes, arena);
      for (long page = 0; page < pages; page++) {
        ENTRY.set(list, page * Long.BYTES, firstPage + page * PAGE_BYTES);
      }
      return new PageList(firstPage, pages, mapper.map(list), arena);
    } catch (IOException | RuntimeException e) {
      arena.close();
      return NONE;
    }
  }

  /**
   * Where the entries of some pages are, if they are in one page of the list: else the last one in a page
   * would have to lead to the next.
   *
   * @param page address of the first one
   * @param count of pages, at least 1
   * @return the I/O virtual address of its entry; 0 if they are not
   */
  public long entries(long page, long count) {
    long first = (page - firstPage) / PAGE_BYTES;
    boolean together = (first & (ENTRIES_PER_PAGE - 1)) + count <= ENTRIES_PER_PAGE;
    return together && first + count <= pages ? iova + first * Long.BYTES : 0;
  }

  void free(DmaMapper mapper) {
    if (arena != null) {
      mapper.unmap(iova);
      arena.close();
    }
  }
}
