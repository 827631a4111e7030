package io.nvmedirect.memory;

import java.io.IOException;
import java.util.ArrayDeque;

/**
 * Buffers through which data is copied whose own memory the device cannot reach. Any thread may take
 * and give back; the pool grows to as many as are in use at once and keeps them.
 */
public final class BouncePool {

  private final DmaMapper mapper;
  private final int bufferBytes;

  /** The last one given back is the next one taken, for it is in the cache. */
  private final ArrayDeque<DmaBuffer> free = new ArrayDeque<>();

  private boolean closed;

  /**
   * @param bufferBytes size of each buffer
   */
  public BouncePool(DmaMapper mapper, int bufferBytes) {
    this.mapper = mapper;
    this.bufferBytes = bufferBytes;
  }

  /** Bytes of each buffer. */
  public int bufferBytes() {
    return bufferBytes;
  }

  /** Takes a buffer; its content is anything. */
  public DmaBuffer take() throws IOException {
    synchronized (this) {
      DmaBuffer buffer = free.pollLast();
      if (buffer != null) {
        return buffer;
      }
    }
    return DmaBuffer.allocate(mapper, bufferBytes);
  }

  /** Gives a buffer back that no command uses. */
  public void giveBack(DmaBuffer buffer) {
    synchronized (this) {
      if (!closed) {
        free.addLast(buffer);
        return;
      }
    }
    buffer.close();
  }

  /** Frees the buffers, and those in use when they are given back. */
  public synchronized void close() {
    closed = true;
    free.forEach(DmaBuffer::close);
    free.clear();
  }
}
