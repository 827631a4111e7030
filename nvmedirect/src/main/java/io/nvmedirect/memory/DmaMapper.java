package io.nvmedirect.memory;

import io.nvmedirect.linux.Mmap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Makes memory reachable for a device: the IOMMU of a transport. Safe for any thread. */
public interface DmaMapper {

  /**
   * Memory for buffers of the library: zero, page-aligned, given back when the arena closes.
   *
   * @param lengthBytes a positive multiple of 4096
   */
  default MemorySegment allocate(long lengthBytes, Arena arena) throws IOException {
    return Mmap.anonymous(lengthBytes, arena);
  }

  /**
   * Whether memory of the application's may be mapped: native memory that every thread may access and
   * that outlives its mapping, or whose end the device notices. What cannot is copied.
   */
  default boolean canMap(MemorySegment memory) {
    return Lifetime.isUntilUnreachable(memory);
  }

  /**
   * Maps native memory for reading and writing by the device.
   *
   * @return the I/O virtual address of its first byte; modulo 4096 it is that of the memory
   */
  long map(MemorySegment memory) throws IOException;

  /** Ends the mapping that {@link #map} gave the address of. Does nothing once the device is closed. */
  void unmap(long iova);
}
