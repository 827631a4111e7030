package io.nvmedirect.memory;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.concurrent.Semaphore;

/**
 * Buffers through which data is copied whose own memory the device cannot reach. Any thread may take
 * and give back; the pool grows to as many as are in use at once and keeps some of them.
 *
 * <p>Threads in synchronous operations have shares: each waits for one before it takes a buffer. Whoever
 * has a share is waiting for the device and for nothing else, so that a share always comes back. For
 * that, a thread which others may wait for to have their operations completed must not wait for a share;
 * neither do asynchronous operations, which may hold a buffer until the same thread polls.
 */
public final class BouncePool {

  private final DmaMapper mapper;
  private final int bufferBytes;
  private final int most;
  private final Semaphore shares;

  /** The last one given back is the next one taken, for it is in the cache. */
  private final ArrayDeque<DmaBuffer> free = new ArrayDeque<>();

  private boolean closed;

  /**
   * @param bufferBytes size of each buffer
   * @param most shares, and buffers that are kept while they are not used
   */
  public BouncePool(DmaMapper mapper, int bufferBytes, int most) {
    this.mapper = mapper;
    this.bufferBytes = bufferBytes;
    this.most = most;
    this.shares = new Semaphore(most);
  }

  /** Bytes of each buffer. */
  public int bufferBytes() {
    return bufferBytes;
  }

  /** Waits for a share, whether or not the thread is interrupted. */
  public void takeShare() {
    shares.acquireUninterruptibly();
  }

  /** Gives a share back, for a thread that waits for one. */
  public void giveShareBack() {
    shares.release();
  }

  /** Threads that wait for a share; an estimate. */
  public int waiting() {
    return shares.getQueueLength();
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
      if (!closed && free.size() < most) {
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
