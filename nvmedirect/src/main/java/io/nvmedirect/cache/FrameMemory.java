package io.nvmedirect.cache;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory of the frames, in chunks of up to 256 pages (1 MiB), so that growing copies nothing. The
 * frames that have memory are the lowest ones. Beside them it has 128 KiB of staging memory, for
 * transfers of several pages, whose frames are not adjacent. Owned by the holder of the cache's lock.
 */
final class FrameMemory {

  static final int CHUNK_PAGES = 256;
  static final int STAGING_PAGES = 32;

  private record Chunk(int firstFrame, DmaBuffer buffer) {}

  private final FrameAllocator allocator;
  private final List<Chunk> chunks = new ArrayList<>();
  private final ArrayList<MemorySegment> frames = new ArrayList<>();
  private @Nullable DmaBuffer staging;

  FrameMemory(FrameAllocator allocator) {
    this.allocator = allocator;
  }

  /** The page memory of a frame that has it. */
  MemorySegment frame(int frame) {
    return frames.get(frame);
  }

  /** Memory for a transfer of several pages; its content is anything. */
  MemorySegment staging() throws IOException {
    DmaBuffer buffer = staging;
    if (buffer == null) {
      buffer = allocator.allocate((long) STAGING_PAGES << Geometry.PAGE_SHIFT);
      staging = buffer;
    }
    return buffer.segment();
  }

  /**
   * Sees to it that a frame has memory.
   *
   * @param capacity frames of the cache: a chunk does not go beyond
   */
  void ready(int frame, int capacity) throws IOException {
    while (frames.size() <= frame) {
      addChunk(Math.min(CHUNK_PAGES, capacity - frames.size()));
    }
  }

  /** Gives memory to all frames, and allocates what else may be needed; or to none of the new ones. */
  void readyAll(int capacity) throws IOException {
    int before = frames.size();
    try {
      staging();
      ready(capacity - 1, capacity);
    } catch (IOException | RuntimeException | Error e) {
      release(before);
      throw e;
    }
  }

  private void addChunk(int pages) throws IOException {
    frames.ensureCapacity(frames.size() + pages);
    DmaBuffer buffer = allocator.allocate((long) pages << Geometry.PAGE_SHIFT);
    chunks.addLast(new Chunk(frames.size(), buffer));
    for (int page = 0; page < pages; page++) {
      frames.add(buffer.segment().asSlice((long) page << Geometry.PAGE_SHIFT, Geometry.PAGE_BYTES));
    }
  }

  /** Frees the chunks of which no frame is below the capacity; a part of a chunk stays. */
  void release(int capacity) {
    while (!chunks.isEmpty() && chunks.getLast().firstFrame() >= capacity) {
      Chunk chunk = chunks.removeLast();
      frames.subList(chunk.firstFrame(), frames.size()).clear();
      chunk.buffer().close();
    }
  }

  /** Frees all memory. */
  void close() {
    release(0);
    if (staging != null) {
      staging.close();
      staging = null;
    }
  }
}
