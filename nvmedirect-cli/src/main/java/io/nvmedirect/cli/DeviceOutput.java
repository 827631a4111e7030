package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/**
 * Writes bytes in order from any position on, behind the writer's back by a ring of chunks. A chunk
 * starts and ends at a block; where the first or the last one does not, the bytes around it are read
 * from the device first and written back unchanged.
 */
final class DeviceOutput implements WritableByteChannel {

  private final ChunkRing ring;
  private final int block;
  private final long start;
  private final long deviceEnd;

  /** Where the current chunk lies on the device, a multiple of the block size. */
  private long chunkPosition;

  private int current;
  private int filled;
  private boolean claimed;
  private boolean open = true;

  DeviceOutput(NvmeDevice device, long position) throws IOException {
    this.ring = new ChunkRing(device);
    this.block = device.blockBytes();
    this.start = position;
    this.deviceEnd = device.sizeBytes();
    this.chunkPosition = position - position % block;
    this.filled = (int) (position % block);
  }

  /** Bytes taken so far. */
  long count() {
    return chunkPosition + filled - start;
  }

  /**
   * Takes all of the bytes.
   *
   * @throws IOException if they do not fit; what fits is on the device then
   */
  @Override
  public int write(ByteBuffer from) throws IOException {
    int total = from.remaining();
    while (from.hasRemaining()) {
      int capacity = (int) Math.min(ring.chunkBytes(), deviceEnd - chunkPosition);
      if (filled >= capacity) {
        finish();
        throw new IOException(
            "%s is full: %d bytes were written, and the input has more"
                .formatted(ring.device().address(), count()));
      }
      claim();
      int bytes = Math.min(from.remaining(), capacity - filled);
      MemorySegment.copy(MemorySegment.ofBuffer(from), 0, ring.chunk(current), filled, bytes);
      from.position(from.position() + bytes);
      filled += bytes;
      if (filled == ring.chunkBytes()) {
        post(filled);
      }
    }
    return total;
  }

  /** Waits until the chunk's last write is done, and reads the bytes before an unaligned start. */
  private void claim() throws IOException {
    if (claimed) {
      return;
    }
    ring.await(current);
    if (filled > 0) {
      ring.readNow(ring.chunk(current).asSlice(0, block), chunkPosition);
    }
    claimed = true;
  }

  private void post(int lengthBytes) throws IOException {
    ring.write(current, chunkPosition, lengthBytes);
    chunkPosition += lengthBytes;
    current = (current + 1) % ChunkRing.CHUNKS;
    filled = 0;
    claimed = false;
  }

  /** Writes the last, partial chunk, waits for every write, and flushes. */
  void finish() throws IOException {
    long count = count();
    if (claimed && filled > 0) {
      int tail = filled % block;
      int whole = filled - tail;
      if (tail > 0) {
        keepAfter(whole, tail);
      }
      post(tail > 0 ? whole + block : whole);
      chunkPosition = start + count; // nothing follows; so that count() stays
    }
    for (int i = 0; i < ChunkRing.CHUNKS; i++) {
      ring.await(i);
    }
    ring.flush();
  }

  private void keepAfter(int whole, int tail) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment present = arena.allocate(block, block);
      ring.readNow(present, chunkPosition + whole);
      MemorySegment.copy(present, tail, ring.chunk(current), filled, block - tail);
    }
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void close() throws IOException {
    if (open) {
      open = false;
      ring.close();
    }
  }
}
