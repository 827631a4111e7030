package io.nvmedirect;

import io.nvmedirect.cache.BlockCache;
import io.nvmedirect.cache.Store;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the ways to a device's data in agreement: the block cache, direct I/O and writes that are
 * still on their way. One per open namespace; any thread.
 *
 * <p>Order of locks: write-behind list, cache, queue. What runs under one of them takes only those
 * after it.
 */
final class Coherence {

  private static final System.Logger LOG = System.getLogger(Coherence.class.getName());

  /** Null if the device was opened without a cache. */
  private final @Nullable BlockCache cache;

  private final WriteBehind writeBehind = new WriteBehind(this::written);
  private final UnalignedIo unaligned;
  private final AtomicLong reported = new AtomicLong();

  Coherence(@Nullable BlockCache cache, int blockBytes) {
    this.cache = cache;
    this.unaligned = new UnalignedIo(blockBytes);
  }

  @Nullable BlockCache cache() {
    return cache;
  }

  /** Most devices that are used directly have nothing in the cache. */
  private static boolean mayContain(BlockCache cache, long position, long lengthBytes) {
    return !cache.isEmpty() && cache.mayContain(position, lengthBytes);
  }

  // ---- Direct and asynchronous access.

  /** Before a direct access: what was written before in another way is on the device then. */
  void beforeDirect(Store store, long position, long lengthBytes) throws IOException {
    writeBehind.await(position, lengthBytes);
    if (cache != null && mayContain(cache, position, lengthBytes)) {
      cache.flush(store, position, lengthBytes);
    }
  }

  /** After a direct write: the cache does not have the old data then. */
  void written(long position, long lengthBytes) {
    if (cache != null && mayContain(cache, position, lengthBytes)) {
      cache.invalidate(position, lengthBytes);
    }
  }

  /**
   * Before a range is discarded. Dirty blocks are written, so that no eviction writes them afterwards;
   * what cannot be written is dropped with the rest.
   */
  void beforeDiscard(Store store, long position, long lengthBytes) {
    try {
      beforeDirect(store, position, lengthBytes);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "blocks that are discarded could not be written", e);
    }
  }

  /** After a range was discarded or zeroed: cached data of it is gone, written back or not. */
  void drop(long position, long lengthBytes) {
    if (cache != null && mayContain(cache, position, lengthBytes)) {
      cache.drop(position, lengthBytes);
    }
  }

  /** Writes directly and returns when that is submitted. */
  void writeBehind(DirectPaths paths, int flags, MemorySegment from, long position)
      throws IOException {
    long length = from.byteSize();
    writeBehind(paths, position, length, io -> paths.writeBehind(io, flags, from, position));
  }

  /** Likewise, of several segments. */
  void writeBehind(DirectPaths paths, int flags, MemorySegment[] from, long length, long position)
      throws IOException {
    writeBehind(
        paths, position, length, io -> paths.writeBehind(io, flags, from, length, position));
  }

  private void writeBehind(
      DirectPaths paths, long position, long length, WriteBehind.Submission submission)
      throws IOException {
    beforeDirect(paths, position, length);
    writeBehind.submit(submission, position, length);
    written(position, length);
  }

  // ---- Buffered access.

  void readBuffered(DirectPaths paths, MemorySegment to, long position) throws IOException {
    writeBehind.await(position, to.byteSize());
    if (cache != null) {
      cache.read(paths, to, position);
    } else {
      unaligned.read(paths, to, position);
    }
  }

  void writeBuffered(DirectPaths paths, MemorySegment from, long position, boolean through)
      throws IOException {
    writeBehind.await(position, from.byteSize());
    if (cache == null) {
      unaligned.write(paths, from, position);
    } else if (through) {
      cache.writeThrough(paths, from, position);
    } else {
      cache.write(paths, from, position);
    }
  }

  // ---- Flush.

  /** Brings everything that was written in any way to the device. */
  void flush(Store store) throws IOException {
    writeBehind.awaitAll(null);
    if (cache != null) {
      cache.flush(store);
    }
  }

  /** Waits for the writes of a handle that closes. */
  void awaitWrites(DirectPaths paths) {
    writeBehind.awaitAll(paths);
  }

  /** Whether {@link #flush} would have anything to do. */
  boolean isClean() {
    return writeBehind.isEmpty() && (cache == null || cache.dirtyPages() == 0);
  }

  /** Writes that failed after they had returned to their callers, since the device was opened. */
  long lostWrites() {
    return writeBehind.errors() + (cache == null ? 0 : cache.writeBackErrors());
  }

  /** Lost writes that some flush has told of: a new handle tells of the others. */
  long reportedLostWrites() {
    return reported.get();
  }

  /** Throws if there are lost writes that nobody was told of. */
  void reportLostWrites(String address) throws NvmeException {
    if (lostWrites() > reported.get()) {
      throw lostWrite(address);
    }
  }

  /** Says that such a write has failed. */
  NvmeException lostWrite(String address) {
    reported.accumulateAndGet(lostWrites(), Math::max);
    NvmeException cause = writeBehind.lastError();
    String message = address + ": a write failed after it had returned";
    if (cause == null) {
      return new NvmeException(message + ": the cache could not write a block back");
    }
    NvmeException lost = new NvmeException(message, cause.status());
    lost.initCause(cause);
    return lost;
  }

  void close() {
    if (cache != null) {
      cache.close();
    }
  }
}
