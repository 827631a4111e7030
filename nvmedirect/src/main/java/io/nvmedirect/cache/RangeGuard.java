package io.nvmedirect.cache;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.transport.IoLock;
import io.nvmedirect.transport.Reaper;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keeps buffered access and direct writes of a device off each other's blocks. Any thread; one per open
 * namespace.
 *
 * <p>The lock's holder <em>holds</em> pages: those that are cached, and those that a buffered operation
 * works on. A direct write, which may be in flight for long and end on any thread, takes no lock: it is
 * counted from before it is submitted until the device has done it.
 *
 * <p>A direct write counts itself and then looks for held pages; a buffered operation holds its pages and
 * then looks for counted writes. So at least one of them sees the other. The direct write gives way: it
 * uncounts itself, and with the lock has the cache write and forget its blocks before it counts itself
 * anew. From then on until it is done there is nothing of them in the cache, since buffered operations
 * that find it in flight keep nothing, and every reader gets the blocks from the device. It alone decides
 * when the write takes place, and nothing has to be forgotten afterwards.
 */
public final class RangeGuard {

  private final IoLock lock;
  private final Reaper reaper;
  private final Clock clock;
  private final long longestWriteNs;
  private final RegionCounts held = new RegionCounts();
  private final RegionCounts directWrites = new RegionCounts();

  /** Ranges that are held: when there are none, nothing else needs a look. */
  private final AtomicInteger holds = new AtomicInteger();

  /**
   * @param reaper completes direct writes that a buffered operation waits for
   * @param longestWriteNs a direct write that is longer in flight is one that nobody reaps
   */
  public RangeGuard(Reaper reaper, Clock clock, long longestWriteNs) {
    this.lock = new IoLock(reaper);
    this.reaper = reaper;
    this.clock = clock;
    this.longestWriteNs = longestWriteNs;
  }

  /** The lock that is held during buffered I/O. */
  public IoLock lock() {
    return lock;
  }

  // ---- Buffered operations, with the lock.

  /** From now on no direct write of these pages begins until the lock is free. */
  public void hold(long position, long lengthBytes) {
    holdPages(Geometry.pageOf(position), Geometry.pageOf(position + lengthBytes - 1));
  }

  /** Ends a {@link #hold} of the same range. */
  public void release(long position, long lengthBytes) {
    releasePages(Geometry.pageOf(position), Geometry.pageOf(position + lengthBytes - 1));
  }

  void holdPages(long firstPage, long lastPage) {
    held.add(firstPage, lastPage);
    holds.getAndIncrement();
  }

  void releasePages(long firstPage, long lastPage) {
    held.remove(firstPage, lastPage);
    holds.getAndDecrement();
  }

  /** Whether direct writes of pages that are held may be in flight. */
  boolean isWrittenDirectly(long firstPage, long lastPage) {
    return directWrites.mayOverlap(firstPage, lastPage);
  }

  /**
   * Waits until no direct write of a range, which is held, is in flight.
   *
   * @throws IOException if one does not end, because nobody reaps the queue that it is on
   */
  public void awaitDirectWrites(long position, long lengthBytes) throws IOException {
    long firstPage = Geometry.pageOf(position);
    long lastPage = Geometry.pageOf(position + lengthBytes - 1);
    if (!isWrittenDirectly(firstPage, lastPage)) {
      return;
    }
    long begunNs = clock.nanoTime();
    int idle = 0;
    while (isWrittenDirectly(firstPage, lastPage)) {
      idle = reaper.reap(idle);
      if (idle > 0 && clock.nanoTime() - begunNs > longestWriteNs) {
        throw new IOException(
            ("an asynchronous write of these blocks, or of blocks within 32 KiB of them, has not ended"
                    + " within %d s: the thread of its confined queue does not poll;"
                    + " position=%d, length=%d")
                .formatted(TimeUnit.NANOSECONDS.toSeconds(longestWriteNs), position, lengthBytes));
      }
    }
  }

  // ---- Direct writes.

  /** Whether pages of the range may be held: "no" is right for the moment of the call. */
  public boolean mayHold(long position, long lengthBytes) {
    return holds.get() != 0
        && lengthBytes > 0
        && held.mayOverlap(Geometry.pageOf(position), Geometry.pageOf(position + lengthBytes - 1));
  }

  /**
   * Counts a direct write of at least one byte, unless its pages may be held: then {@link
   * #beginWriteLocked} does it.
   */
  public boolean tryBeginWrite(long position, long lengthBytes) {
    beginWriteLocked(position, lengthBytes);
    if (!mayHold(position, lengthBytes)) {
      return true;
    }
    endWrite(position, lengthBytes);
    return false;
  }

  /** Counts a direct write; the caller has the lock, and nothing of the range is cached. */
  public void beginWriteLocked(long position, long lengthBytes) {
    directWrites.add(Geometry.pageOf(position), Geometry.pageOf(position + lengthBytes - 1));
  }

  /** The device has done a direct write. Waits for nothing. */
  public void endWrite(long position, long lengthBytes) {
    directWrites.remove(Geometry.pageOf(position), Geometry.pageOf(position + lengthBytes - 1));
  }
}
