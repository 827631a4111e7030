package io.nvmedirect.pcie;

import io.nvmedirect.linux.Mmap;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Memory for devices without an IOMMU, which see physical addresses: reserved huge pages, for these are
 * contiguous and stay where they are. Smaller buffers share a huge page. Other memory of the process
 * cannot be reached. Any thread may use it; its lock owns the tables.
 */
final class PhysicalMemory implements GroupMemory {

  private static final long PAGE_BYTES = Mmap.PAGE_BYTES;
  private static final int PAGES = (int) (Mmap.HUGE_PAGE_BYTES / PAGE_BYTES);

  /** Contiguous physical memory. */
  private record Range(MemorySegment memory, long physical, BitSet used) {}

  /** Reserves huge pages; null if not enough are free. */
  @FunctionalInterface
  interface HugePages {
    @Nullable MemorySegment reserve(long lengthBytes, Arena owner);
  }

  /** Where a page is in physical memory. */
  @FunctionalInterface
  interface Translation {
    long physicalAddress(long address) throws IOException;
  }

  private final HugePages hugePages;
  private final Translation translation;
  private final Arena arena = Arena.ofShared();

  /** Huge pages that smaller buffers share. */
  private final List<Range> shared = new ArrayList<>();

  /** All ranges by virtual address. */
  private final TreeMap<Long, Range> ranges = new TreeMap<>();

  private boolean closed;

  PhysicalMemory() {
    this(Mmap::hugePages, PageMap::physicalAddress);
  }

  /** With a machine of the test's. */
  PhysicalMemory(HugePages hugePages, Translation translation) {
    this.hugePages = hugePages;
    this.translation = translation;
  }

  @Override
  public synchronized MemorySegment allocate(long lengthBytes, Arena owner) throws IOException {
    if (closed) {
      throw new IOException("the device is closed");
    }
    if (lengthBytes > Mmap.HUGE_PAGE_BYTES) {
      return allocateLarge(lengthBytes, owner);
    }
    int pages = Math.toIntExact(lengthBytes / PAGE_BYTES);
    for (Range range : shared) {
      int first = firstFree(range.used, pages);
      if (first >= 0) {
        return take(range, first, pages, owner);
      }
    }
    Range added = add(Mmap.HUGE_PAGE_BYTES, arena);
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
    range.used.set(first, first + pages);
    MemorySegment slice = range.memory.asSlice(first * PAGE_BYTES, pages * PAGE_BYTES);
    slice.fill((byte) 0);
    return MemorySegment.ofAddress(slice.address())
        .reinterpret(slice.byteSize(), owner, m -> give(range, first, pages));
  }

  private synchronized void give(Range range, int first, int pages) {
    range.used.clear(first, first + pages);
    endIfUnused();
  }

  @SuppressWarnings("restricted") // the module has native access
  private MemorySegment allocateLarge(long lengthBytes, Arena owner) throws IOException {
    long rounded = (lengthBytes + Mmap.HUGE_PAGE_BYTES - 1) & -Mmap.HUGE_PAGE_BYTES;
    MemorySegment memory = add(rounded, owner).memory;
    long address = memory.address();
    return MemorySegment.ofAddress(address).reinterpret(lengthBytes, owner, m -> forget(address));
  }

  private synchronized void forget(long address) {
    ranges.remove(address);
  }

  private Range add(long lengthBytes, Arena owner) throws IOException {
    MemorySegment memory = hugePages.reserve(lengthBytes, owner);
    if (memory == null) {
      throw new NvmeException(
          "no huge page is free: without an IOMMU a device needs them: %d more of 2 MiB (echo N > /proc/sys/vm/nr_hugepages)"
              .formatted(lengthBytes / Mmap.HUGE_PAGE_BYTES));
    }
    memory.fill((byte) 0); // so that the pages are there
    long physical = translation.physicalAddress(memory.address());
    for (long at = 0; at < lengthBytes; at += Mmap.HUGE_PAGE_BYTES) {
      if (translation.physicalAddress(memory.address() + at) != physical + at) {
        throw new NvmeException(
            "%d bytes of contiguous memory cannot be had, and without an IOMMU a device needs them so; smaller buffers may do"
                .formatted(lengthBytes));
      }
    }
    Range range = new Range(memory, physical, new BitSet(PAGES));
    ranges.put(memory.address(), range);
    return range;
  }

  /** Only what was allocated here. */
  @Override
  public boolean canMap(MemorySegment memory) {
    return false;
  }

  @Override
  public synchronized long map(MemorySegment memory) throws IOException {
    Map.Entry<Long, Range> below = ranges.floorEntry(memory.address());
    if (below != null) {
      long offset = memory.address() - below.getKey();
      Range range = below.getValue();
      if (range.memory.scope().isAlive() && offset + memory.byteSize() <= range.memory.byteSize()) {
        return range.physical + offset;
      }
    }
    throw new NvmeException("without an IOMMU a device reaches only memory that it has allocated");
  }

  /** The memory ends with its owner; nothing of it is mapped anywhere. */
  @Override
  public void unmap(long iova) {}

  /** The shared pages go back now, or with the last buffer: queues outlive their function. */
  @Override
  public synchronized void close() {
    closed = true;
    endIfUnused();
  }

  private void endIfUnused() {
    if (closed
        && arena.scope().isAlive()
        && shared.stream().allMatch(range -> range.used.isEmpty())) {
      arena.close();
    }
  }
}
