package io.nvmedirect.pcie;

import io.nvmedirect.linux.Mmap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Where the pages of this process are in physical memory: /proc/self/pagemap. */
final class PageMap {

  private static final Path PATH = Path.of("/proc/self/pagemap");
  private static final long PRESENT = 1L << 63;
  private static final long FRAME_MASK = (1L << 55) - 1;

  private PageMap() {}

  /**
   * The physical address of a virtual one.
   *
   * @throws IOException if the page is not in memory, or the process may not know (CAP_SYS_ADMIN)
   */
  static long physicalAddress(long address) throws IOException {
    ByteBuffer entry = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
    try (FileChannel file = FileChannel.open(PATH, StandardOpenOption.READ)) {
      if (file.read(entry, address / Mmap.PAGE_BYTES * Long.BYTES) != Long.BYTES) {
        throw new IOException("%s has no entry for address 0x%x".formatted(PATH, address));
      }
    }
    long value = entry.getLong(0);
    long frame = value & FRAME_MASK;
    if ((value & PRESENT) == 0) {
      throw new IOException("the page at address 0x%x is not in memory".formatted(address));
    }
    if (frame == 0) {
      throw new IOException(
          "the kernel does not tell this process physical addresses; without an IOMMU it needs CAP_SYS_ADMIN: run it as root");
    }
    return frame * Mmap.PAGE_BYTES + address % Mmap.PAGE_BYTES;
  }
}
