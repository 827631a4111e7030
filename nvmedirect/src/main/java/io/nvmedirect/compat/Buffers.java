package io.nvmedirect.compat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The live buffers of all devices by address, for a buffer is put back without its device. */
final class Buffers {

  static final int PAGE_BYTES = 4096;

  private static final Map<Long, DmaBuffer> LIVE = new ConcurrentHashMap<>();

  private Buffers() {}

  static MemorySegment get(NvmeDevice device, int pages) throws IOException {
    if (pages <= 0) {
      throw new IllegalArgumentException("a buffer has at least 1 page: pages=" + pages);
    }
    DmaBuffer buffer = device.allocate((long) pages * PAGE_BYTES);
    LIVE.put(buffer.segment().address(), buffer);
    return buffer.segment();
  }

  /**
   * Frees a buffer, now or when the last command that uses it ends.
   *
   * @throws IllegalArgumentException if there is no live buffer at the address
   */
  static void put(MemorySegment memory) {
    // The memory of a buffer that was freed may have become another one's: its scope tells them
    // apart.
    boolean mayBeLive = memory.isNative() && memory.scope().isAlive();
    DmaBuffer buffer = mayBeLive ? LIVE.remove(memory.address()) : null;
    if (buffer == null) {
      throw new IllegalArgumentException("this is no live buffer of nvmed_get_buffer: " + memory);
    }
    try {
      buffer.close();
    } catch (IllegalStateException e) {
      // Another thread has lent it to a system call just now: it can be used by nothing of ours any
      // more.
      LastError.set(e);
    }
  }
}
