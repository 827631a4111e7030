package io.nvmedirect.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * How the cache reaches the device: synchronous, at positions and of lengths that are multiples of the
 * sector, within the device, at most 128 KiB at a time. Given per call, for each handle has its own
 * queue.
 *
 * <p>The cache calls it with its lock held: neither a store nor anything that it runs, such as
 * callbacks of other I/O, may call the cache. An {@link IOException} says that the transfer failed;
 * any other exception goes to the cache's caller, and like the former it loses nothing.
 */
public interface Store {

  /** Fills the memory, which the device can reach, from the byte at {@code position} on. */
  void read(MemorySegment to, long position) throws IOException;

  /**
   * Writes the memory, which the device can reach, from the byte at {@code position} on. If it fails,
   * any of the sectors may have its old or its new content.
   */
  void write(MemorySegment from, long position) throws IOException;
}
