package io.nvmedirect.pcie;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.ResourceLimit;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * The IOMMU of a VFIO container. Mapping pins whole pages; what is not mapped the device cannot reach.
 * Any thread may use it, its lock owns the table.
 */
final class VfioDma implements GroupMemory {

  private static final System.Logger LOG = SafeLogger.of(VfioDma.class);

  private static final long PAGE_BYTES = Mmap.PAGE_BYTES;

  private record Mapping(long first, long bytes) {}

  private final VfioContainer container;
  private final IovaSpace addresses;

  /** By the address that {@link #map} returned. */
  private final Map<Long, Mapping> mappings = new HashMap<>();

  private long mappedBytes;
  private boolean closed;

  VfioDma(VfioContainer container) throws IOException {
    this.container = container;
    this.addresses = new IovaSpace(container.usable());
  }

  /** Reserved huge pages if the length asks for them and they are free. */
  @Override
  public MemorySegment allocate(long lengthBytes, Arena arena) throws IOException {
    MemorySegment huge =
        lengthBytes % Mmap.HUGE_PAGE_BYTES == 0 ? Mmap.hugePages(lengthBytes, arena) : null;
    return huge != null ? huge : Mmap.anonymous(lengthBytes, arena);
  }

  @Override
  public synchronized long map(MemorySegment memory) throws IOException {
    if (!memory.isNative() || memory.byteSize() == 0) {
      throw new IllegalArgumentException("no native memory: " + memory);
    }
    if (closed) {
      throw new IOException("the device is closed");
    }
    long offset = memory.address() & (PAGE_BYTES - 1);
    long start = memory.address() - offset;
    long bytes = (offset + memory.byteSize() + PAGE_BYTES - 1) & -PAGE_BYTES;
    // The same place within a huge page, so that the IOMMU can translate it with one entry.
    long alignment = bytes >= Mmap.HUGE_PAGE_BYTES ? Mmap.HUGE_PAGE_BYTES : PAGE_BYTES;
    long first = addresses.take(bytes, alignment, start & (alignment - 1));
    int result = container.map(start, first, bytes);
    if (result < 0) {
      addresses.give(first);
      throw refused(bytes, -result);
    }
    mappings.put(first + offset, new Mapping(first, bytes));
    mappedBytes += bytes;
    return first + offset;
  }

  private NvmeException refused(long bytes, int errno) throws IOException {
    String what = "cannot map %d bytes of memory for the device: ".formatted(bytes);
    if (errno == Errno.ENOMEM) {
      long limit = ResourceLimit.lockedMemoryBytes();
      // The limit is the process's: what its other devices have mapped counts, too.
      long locked = Math.max(mappedBytes, ResourceLimit.lockedNowBytes());
      long needed = locked + bytes;
      return new NvmeException(
          what
              + ("the process may lock %s (RLIMIT_MEMLOCK) and has locked %d bytes already, this device's %d among"
                      + " them, so that at least %d bytes (%d KiB) are needed; raise it with: ulimit -l unlimited, or"
                      + " 'memlock' in /etc/security/limits.conf, or LimitMEMLOCK= of a systemd unit")
                  .formatted(
                      limit == Long.MAX_VALUE ? "any amount of memory" : limit + " bytes",
                      locked,
                      mappedBytes,
                      needed,
                      Math.ceilDiv(needed, 1024)));
    }
    if (errno == Errno.ENOSPC) {
      return new NvmeException(
          what
              + "there are %d mappings, and the kernel allows no more (dma_entry_limit of the module vfio_iommu_type1)"
                  .formatted(mappings.size()));
    }
    return new NvmeException(what + Errno.describe(errno));
  }

  @Override
  public synchronized void unmap(long iova) {
    Mapping mapping = mappings.remove(iova);
    if (closed || mapping == null) {
      return;
    }
    int result = container.unmap(mapping.first, mapping.bytes);
    if (result < 0) {
      // The addresses stay taken and the pages pinned: nothing else gets there.
      LOG.log(
          System.Logger.Level.WARNING,
          "cannot unmap {0} bytes: {1}",
          mapping.bytes,
          Errno.describe(-result));
      return;
    }
    mappedBytes -= mapping.bytes;
    addresses.give(mapping.first);
  }

  /** What is mapped ends with the container, which is the group's to close. */
  @Override
  public synchronized void close() {
    closed = true;
    mappings.clear();
  }
}
