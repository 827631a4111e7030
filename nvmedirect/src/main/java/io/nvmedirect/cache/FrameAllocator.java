package io.nvmedirect.cache;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;

/** Makes the memory of pages. The cache closes what it got. */
@FunctionalInterface
public interface FrameAllocator {

  /**
   * Allocates memory that the device can reach.
   *
   * @param lengthBytes a multiple of 4096, at most 1 MiB
   */
  DmaBuffer allocate(long lengthBytes) throws IOException;
}
