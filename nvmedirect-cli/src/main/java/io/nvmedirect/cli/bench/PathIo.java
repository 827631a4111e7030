package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** What the engines that work on a path have in common: a buffer for each slot, aligned for O_DIRECT. */
abstract class PathIo implements BlockIo {

  private static final int ALIGNMENT = 4096;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment[] buffers;
  private final ByteBuffer[] views;

  PathIo(int depth, int blockBytes) {
    this.buffers = new MemorySegment[depth];
    this.views = new ByteBuffer[depth];
    for (int i = 0; i < depth; i++) {
      buffers[i] = arena.allocate(blockBytes, ALIGNMENT);
      views[i] = buffers[i].asByteBuffer();
    }
  }

  @Override
  public final MemorySegment buffer(int slot) {
    return buffers[slot];
  }

  /** The first bytes of a slot's buffer. */
  final ByteBuffer view(int slot, int lengthBytes) {
    return views[slot].clear().limit(lengthBytes);
  }

  /** Fails unless all of an I/O was done. */
  static void requireWhole(int lengthBytes, int done, long position) throws IOException {
    if (done != lengthBytes) {
      throw new IOException(
          "%d of %d bytes were transferred at position %d".formatted(done, lengthBytes, position));
    }
  }

  /** Frees the buffers, when no I/O is in flight. */
  @Override
  public void close() throws IOException {
    arena.close();
  }
}
