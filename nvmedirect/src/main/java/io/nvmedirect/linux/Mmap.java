package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Anonymous memory from mmap(2): page-aligned, zero, given back when its arena closes. */
public final class Mmap {

  /** Bytes of a page. */
  public static final int PAGE_BYTES = 4096;

  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE = 2;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_NORESERVE = 0x4000;
  private static final int MADV_DONTNEED = 4;
  private static final int MADV_HUGEPAGE = 14;
  private static final long HUGE_PAGE_BYTES = 2L << 20;

  private Mmap() {}

  /**
   * Maps zeroed memory that takes up space only where it is written. Transparent huge pages are asked
   * for where they fit, and not required.
   *
   * @param lengthBytes a positive multiple of 4096
   */
  @SuppressWarnings("restricted") // the module has native access
  public static MemorySegment anonymous(long lengthBytes, Arena arena) throws LinuxException {
    if (lengthBytes <= 0 || lengthBytes % PAGE_BYTES != 0) {
      throw new IllegalArgumentException(
          "length is no multiple of 4096: lengthBytes=" + lengthBytes);
    }
    long address =
        Libc.mmap(lengthBytes, PROT_READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address < 0) {
      throw new LinuxException("mmap of " + lengthBytes + " bytes", (int) -address);
    }
    MemorySegment memory =
        MemorySegment.ofAddress(address)
            .reinterpret(lengthBytes, arena, m -> Libc.munmap(m, lengthBytes));
    if (lengthBytes >= HUGE_PAGE_BYTES) {
      // Advice: a kernel without transparent huge pages refuses it, and nothing is lost.
      Libc.madvise(memory, lengthBytes, MADV_HUGEPAGE);
    }
    return memory;
  }

  /** Gives the pages of a page-aligned range back; they read as zeroes from now on. */
  public static void discard(MemorySegment memory, long offset, long lengthBytes)
      throws LinuxException {
    MemorySegment range = memory.asSlice(offset, lengthBytes);
    int result = Libc.madvise(range, lengthBytes, MADV_DONTNEED);
    if (result < 0) {
      throw new LinuxException("madvise of " + lengthBytes + " bytes at offset " + offset, -result);
    }
  }
}
