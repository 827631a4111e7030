package io.nvmedirect.memory;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Buffers through which data is copied whose own memory the device cannot reach. Any thread may take
 * and give back; the pool grows to as many as are in use at once and keeps some of them.
 *
 * <p>Threads in synchronous operations have shares: each waits for one before it takes a buffer. Whoever
 * has a share is waiting for the device and for nothing else, so that a share always comes back. For
 * that, a thread which others may wait for to have their operations completed must not wait for a share;
 * neither do asynchronous operations, which may hold a buffer until the same thread polls.
 *
 * <p>One buffer is kept for those that have a share: if there is no memory for more, each waits for that
 * one, so that a synchronous operation never fails for want of memory.
 */
public final class BouncePool {

  /** Where buffers come from. */
  @FunctionalInterface
  public interface Source {
    DmaBuffer allocate(long lengthBytes) throws IOException;
  }

  private final Source source;
  private final int bufferBytes;
  private final int most;
  private final Semaphore shares;

  /** The last one given back is the next one taken, for it is in the cache. */
  private final ArrayDeque<DmaBuffer> free = new ArrayDeque<>();

  /** Null if there was no memory for it. Owned by who has the permit. */
  private final @Nullable DmaBuffer reserve;

  private final Semaphore reserveFree = new Semaphore(1);

  /** A lost controller may still write to it. */
  private volatile boolean reserveLost;

  private boolean closed;

  /**
   * @param bufferBytes size of each buffer
   * @param most shares, and buffers that are kept while they are not used
   */
  public BouncePool(Source source, int bufferBytes, int most) {
    this.source = source;
    this.bufferBytes = bufferBytes;
    this.most = most;
    this.shares = new Semaphore(most);
    this.reserve = reserve();
  }

  private @Nullable DmaBuffer reserve() {
    try {
      return source.allocate(bufferBytes);
    } catch (IOException e) {
      return null;
    }
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
    return source.allocate(bufferBytes);
  }

  /** Likewise, for a thread that has a share: it waits if there is no memory for another buffer. */
  public DmaBuffer takeWithShare() throws IOException {
    try {
      return take();
    } catch (IOException e) {
      DmaBuffer last = reserve;
      if (last != null) {
        reserveFree.acquireUninterruptibly();
        if (!reserveLost) {
          return last;
        }
        reserveFree.release();
      }
      throw e;
    }
  }

  /** Gives a buffer back that no command uses. */
  public void giveBack(DmaBuffer buffer) {
    if (buffer.equals(reserve)) {
      reserveFree.release();
      return;
    }
    synchronized (this) {
      if (!closed && free.size() < most) {
        free.addLast(buffer);
        return;
      }
    }
    buffer.close();
  }

  /** A buffer does not come back, for a lost controller may still write to it. */
  public void lose(DmaBuffer buffer) {
    if (buffer.equals(reserve)) {
      reserveLost = true;
      reserveFree.release();
    }
  }

  /** Frees the buffers, and those in use when they are given back. */
  public synchronized void close() {
    closed = true;
    if (reserve != null && !reserveLost) {
      reserve.close();
    }
    free.forEach(DmaBuffer::close);
    free.clear();
  }
}
