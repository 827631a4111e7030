package io.nvmedirect.pcie;

import io.nvmedirect.linux.Mmap;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Memory for devices without an IOMMU, which see physical addresses: reserved huge pages, for these are
 * contiguous and stay where they are. Smaller buffers share a huge page. Other memory of the process
 * cannot be reached. Any thread may use it; its lock owns the tables.
 */
final class PhysicalMemory implements GroupMemory {

  private static final long PAGE_BYTES = Mmap.PAGE_BYTES;
  private static final int PAGES = (int) (Mmap.HUGE_PAGE_BYTES / PAGE_BYTES);

  /** Contiguous physical memory; what of it has an owner is marked by pages. */
  private record Range(Arena arena, MemorySegment memory, long physical, BitSet used) {}

  /** Huge pages that smaller buffers share. */
  private final List<Range> shared = new ArrayList<>();

  /** All ranges by virtual address. */
  private final TreeMap<Long, Range> ranges = new TreeMap<>();

  private boolean closed;

  @Override
  public synchronized MemorySegment allocate(long lengthBytes, Arena owner) throws IOException {
    if (closed) {
      throw new IOException("the device is closed");
    }
    int pages = Math.toIntExact(lengthBytes / PAGE_BYTES);
    if (lengthBytes > Mmap.HUGE_PAGE_BYTES) {
      long rounded = (lengthBytes + Mmap.HUGE_PAGE_BYTES - 1) & -Mmap.HUGE_PAGE_BYTES;
      return take(add(rounded), 0, pages, owner);
    }
    for (Range range : shared) {
      int first = firstFree(range.used, pages);
      if (first >= 0) {
        return take(range, first, pages, owner);
      }
    }
    Range added = add(Mmap.HUGE_PAGE_BYTES);
    shared.add(added);
    return take(added, 0, pages, owner);
  }

  private static int firstFree(BitSet used, int pages) {
    int first = used.nextClearBit(0);
    while (first + pages <= PAGES) {
      int next = used.nextSetBit(first);
      if (next < 0 || next >= first + pages) {
        return first;
      }
      first = used.nextClearBit(next);
    }
    return -1;
  }

  @SuppressWarnings("restricted") // the module has native access
  private MemorySegment take(Range range, int first, int pages, Arena owner) {
    MemorySegment slice = range.memory.asSlice(first * PAGE_BYTES, pages * PAGE_BYTES);
    slice.fill((byte) 0); // somebody else's before
    MemorySegment given =
        MemorySegment.ofAddress(slice.address())
            .reinterpret(slice.byteSize(), owner, m -> give(range, first, pages));
    range.used.set(first, first + pages);
    return given;
  }

  /** A huge page that is shared stays for the next buffer, as long as the device is open. */
  private synchronized void give(Range range, int first, int pages) {
    range.used.clear(first, first + pages);
    if (range.used.isEmpty() && (closed || range.memory.byteSize() > Mmap.HUGE_PAGE_BYTES)) {
      remove(range);
    }
  }

  private void remove(Range range) {
    // First from the table: as soon as the memory is unmapped the address may be another range's.
    ranges.remove(range.memory.address());
    range.arena.close();
  }

  @SuppressWarnings("MustBeClosedChecker") // remove() closes it
  private Range add(long lengthBytes) throws IOException {
    Arena arena = Arena.ofShared();
    Range made = null;
    try {
      MemorySegment memory = Mmap.hugePages(lengthBytes, arena);
      if (memory == null) {
        throw new NvmeException(
            "not enough huge pages are free: needed=%d of 2 MiB; without an IOMMU a device's memory is made of them; reserve more, as root, with: echo N > /proc/sys/vm/nr_hugepages"
                .formatted(lengthBytes / Mmap.HUGE_PAGE_BYTES));
      }
      made = new Range(arena, memory, physical(memory), new BitSet(PAGES));
      ranges.put(memory.address(), made);
      return made;
    } finally {
      if (made == null) {
        arena.close();
      }
    }
  }

  /** The physical address of memory that is contiguous there too. */
  private static long physical(MemorySegment memory) throws IOException {
    long first = 0;
    for (long at = 0; at < memory.byteSize(); at += Mmap.HUGE_PAGE_BYTES) {
      memory.set(ValueLayout.JAVA_BYTE, at, (byte) 0); // so that the page is there
      long physical = PageMap.physicalAddress(memory.address() + at);
      if (at == 0) {
        first = physical;
      } else if (physical != first + at) {
        throw new NvmeException(
            "%d bytes of contiguous memory cannot be had, and without an IOMMU a device needs them so; smaller buffers may do"
                .formatted(memory.byteSize()));
      }
    }
    return first;
  }

  /** Only what was allocated here. */
  @Override
  public boolean canMap(MemorySegment memory) {
    return false;
  }

  @Override
  public synchronized long map(MemorySegment memory) throws IOException {
    if (closed) {
      throw new IOException("the device is closed");
    }
    Map.Entry<Long, Range> below = ranges.floorEntry(memory.address());
    if (memory.isNative() && below != null) {
      long offset = memory.address() - below.getKey();
      Range range = below.getValue();
      if (offset <= range.memory.byteSize() - memory.byteSize()) {
        return range.physical + offset;
      }
    }
    throw new NvmeException("without an IOMMU a device reaches only memory that it has allocated");
  }

  /** The memory ends with its owner; nothing of it is mapped anywhere. */
  @Override
  public void unmap(long iova) {}

  /** Huge pages that no buffer has any more go back now, the others with their last buffer. */
  @Override
  public synchronized void close() {
    closed = true;
    shared.stream().filter(range -> range.used.isEmpty()).forEach(this::remove);
    shared.clear();
  }
}
