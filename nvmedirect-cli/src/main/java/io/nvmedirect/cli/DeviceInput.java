package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** The bytes of a range of a device, in order, read ahead of the reader by a ring of chunks. */
final class DeviceInput implements ReadableByteChannel {

  private final ChunkRing ring;
  private final long end;
  private final long alignedEnd;

  /** The next byte to hand out. */
  private long position;

  /** The next block to read. */
  private long readPosition;

  private int current;
  private int chunkStart;
  private int chunkEnd;
  private boolean open = true;

  /**
   * Starts to read.
   *
   * @param position any byte; with {@code lengthBytes} inside the device
   */
  DeviceInput(NvmeDevice device, long position, long lengthBytes) throws IOException {
    int block = device.blockBytes();
    this.ring = new ChunkRing(device);
    this.position = position;
    this.end = position + lengthBytes;
    this.readPosition = position - position % block;
    this.alignedEnd = lengthBytes == 0 ? readPosition : (end + block - 1) / block * block;
    for (int i = 0; i < ChunkRing.CHUNKS; i++) {
      post(i);
    }
    current = -1;
  }

  private void post(int index) throws IOException {
    if (readPosition < alignedEnd) {
      int bytes = (int) Math.min(ring.chunkBytes(), alignedEnd - readPosition);
      ring.read(index, readPosition, bytes);
      readPosition += bytes;
    }
  }

  @Override
  public int read(ByteBuffer to) throws IOException {
    if (position == end) {
      return -1;
    }
    if (chunkStart == chunkEnd) {
      advance();
    }
    int bytes = Math.min(to.remaining(), chunkEnd - chunkStart);
    MemorySegment.copy(ring.chunk(current), chunkStart, MemorySegment.ofBuffer(to), 0, bytes);
    to.position(to.position() + bytes);
    chunkStart += bytes;
    position += bytes;
    return bytes;
  }

  private void advance() throws IOException {
    if (current >= 0) {
      post(current);
    }
    current = (current + 1) % ChunkRing.CHUNKS;
    ring.await(current);
    chunkStart = (int) (position % ring.device().blockBytes());
    chunkEnd = (int) Math.min(ring.chunkBytes(), chunkStart + end - position);
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
