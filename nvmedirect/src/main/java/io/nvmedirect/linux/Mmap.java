package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Memory from mmap(2): page-aligned, given back when its arena closes. */
public final class Mmap {

  /** Bytes of a page. */
  public static final int PAGE_BYTES = 4096;

  private static final int PROT_READ = 1;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_SHARED = 1;
  private static final int MAP_PRIVATE = 2;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_NORESERVE = 0x4000;
  private static final int MAP_HUGETLB = 0x40000;
  private static final int MAP_HUGE_2MB = 21 << 26;
  private static final int MADV_DONTNEED = 4;
  private static final int MADV_REMOVE = 9;
  private static final int MADV_HUGEPAGE = 14;

  /** Bytes of a huge page. */
  public static final long HUGE_PAGE_BYTES = 2L << 20;

  private Mmap() {}

  /**
   * Maps zeroed memory that takes up space only where it is written. Transparent huge pages are asked
   * for where they fit, and not required.
   *
   * @param lengthBytes a positive multiple of 4096
   */
  public static MemorySegment anonymous(long lengthBytes, Arena arena) throws LinuxException {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    long address = Libc.mmap(checkLength(lengthBytes), PROT_READ_WRITE, flags, -1, 0);
    if (address < 0) {
      throw new LinuxException("mmap of " + lengthBytes + " bytes", (int) -address);
    }
    MemorySegment memory = owned(address, lengthBytes, arena);
    if (lengthBytes >= HUGE_PAGE_BYTES) {
      // Advice: a kernel without transparent huge pages refuses it, and nothing is lost.
      Libc.madvise(memory, lengthBytes, MADV_HUGEPAGE);
    }
    return memory;
  }

  /**
   * Maps zeroed memory of reserved huge pages of 2 MiB, which are never moved or swapped.
   *
   * @param lengthBytes a positive multiple of 2 MiB
   * @return null if there are not enough free ones
   */
  public static @Nullable MemorySegment hugePages(long lengthBytes, Arena arena) {
    if (checkLength(lengthBytes) % HUGE_PAGE_BYTES != 0) {
      throw new IllegalArgumentException(
          "length is no multiple of 2 MiB: lengthBytes=" + lengthBytes);
    }
    // Without MAP_NORESERVE, so that missing pages are an error now and not a SIGBUS later.
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB;
    long address = Libc.mmap(lengthBytes, PROT_READ_WRITE, flags, -1, 0);
    return address < 0 ? null : owned(address, lengthBytes, arena);
  }

  /** Maps a page-aligned range of a file or a device, shared with whoever else has it mapped. */
  public static MemorySegment shared(NativeFile file, long offset, long lengthBytes, Arena arena)
      throws LinuxException {
    return shared(file, PROT_READ_WRITE, offset, lengthBytes, arena);
  }

  /** Like {@link #shared}, for reading only: a store is refused. */
  public static MemorySegment sharedReadOnly(
      NativeFile file, long offset, long lengthBytes, Arena arena) throws LinuxException {
    return shared(file, PROT_READ, offset, lengthBytes, arena).asReadOnly();
  }

  private static MemorySegment shared(
      NativeFile file, int protection, long offset, long lengthBytes, Arena arena)
      throws LinuxException {
    long address = Libc.mmap(checkLength(lengthBytes), protection, MAP_SHARED, file.fd(), offset);
    if (address < 0) {
      throw new LinuxException(
          "mmap of %d bytes at offset %d of %s".formatted(lengthBytes, offset, file),
          (int) -address);
    }
    return owned(address, lengthBytes, arena);
  }

  private static long checkLength(long lengthBytes) {
    if (lengthBytes <= 0 || lengthBytes % PAGE_BYTES != 0) {
      throw new IllegalArgumentException(
          "length is no multiple of 4096: lengthBytes=" + lengthBytes);
    }
    return lengthBytes;
  }

  @SuppressWarnings("restricted") // the module has native access
  private static MemorySegment owned(long address, long lengthBytes, Arena arena) {
    return MemorySegment.ofAddress(address)
        .reinterpret(lengthBytes, arena, m -> Libc.munmap(m, lengthBytes));
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

  /**
   * Gives the pages of a part of a file in memory back, which is mapped for writing: whoever has it mapped
   * finds zeroes from now on.
   *
   * @return false if the kernel does not do it: the content is what it was
   */
  public static boolean remove(MemorySegment memory, long offset, long lengthBytes) {
    return Libc.madvise(memory.asSlice(offset, lengthBytes), lengthBytes, MADV_REMOVE) == 0;
  }
}
