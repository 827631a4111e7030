package io.nvmedirect;

import io.nvmedirect.cache.BlockCache;
import io.nvmedirect.cache.RangeGuard;
import io.nvmedirect.cache.Store;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.transport.Reaper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the ways to a device's data in agreement: the block cache, direct I/O and writes that are
 * still on their way. One per open namespace; any thread.
 *
 * <p>Each access to a block takes place at one moment between its begin and its end, and everybody sees
 * the same order of these moments. A direct write is registered with the {@link RangeGuard} from before
 * it is submitted until the device has done it; ARCHITECTURE.md has the argument.
 */
final class Coherence {

  private static final System.Logger LOG = SafeLogger.of(Coherence.class);

  /** Null if the device was opened without a cache. */
  private final @Nullable BlockCache cache;

  private final RangeGuard guard;
  private final WriteBehind writeBehind;
  private final UnalignedIo unaligned;
  private final AtomicLong reported = new AtomicLong();

  Coherence(@Nullable BlockCache cache, RangeGuard guard, Reaper reaper, int blockBytes) {
    this.cache = cache;
    this.guard = guard;
    this.writeBehind = new WriteBehind(reaper);
    this.unaligned = new UnalignedIo(blockBytes, guard);
  }

  @Nullable BlockCache cache() {
    return cache;
  }

  // ---- Direct and asynchronous access.

  /** Before a direct read: what was written before in another way is on the device then. */
  void beforeRead(Store store, long position, long lengthBytes) throws IOException {
    writeBehind.await(position, lengthBytes);
    if (cache != null && cache.mayBeDirty(position, lengthBytes)) {
      cache.flush(store, position, lengthBytes);
    }
  }

  /** Before an asynchronous read or write, which registers itself. */
  void beforeAsync(Store store, int opcode, long position, long lengthBytes) throws IOException {
    if (opcode == Opcode.READ) {
      beforeRead(store, position, lengthBytes);
    } else {
      beforeWrite(position, lengthBytes);
    }
  }

  /** Before a direct write: those that have returned and are on their way have ended then. */
  void beforeWrite(long position, long lengthBytes) {
    writeBehind.await(position, lengthBytes);
  }

  /**
   * Registers a direct write of at least one byte, which is not submitted yet.
   *
   * @throws IOException if what the cache has of the range cannot be written: it is not registered
   */
  void register(Store store, long position, long lengthBytes) throws IOException {
    if (guard.tryBeginWrite(position, lengthBytes)) {
      return;
    }
    if (cache == null) {
      unaligned.beginDirectWrite(position, lengthBytes);
    } else {
      cache.beginDirectWrite(store, position, lengthBytes);
    }
  }

  /** The device has done a registered write, or it was not submitted. Waits for nothing. */
  void unregister(long position, long lengthBytes) {
    guard.endWrite(position, lengthBytes);
  }

  /** A synchronous command that changes a range. */
  @FunctionalInterface
  interface Change extends BlockCache.Change {}

  /** Runs a command that changes a range of at least one byte. */
  void change(Store store, long position, long lengthBytes, Change change) throws IOException {
    beforeWrite(position, lengthBytes);
    register(store, position, lengthBytes);
    try {
      change.run();
    } finally {
      unregister(position, lengthBytes);
    }
  }

  /**
   * Likewise, of one after which the content of the range is gone: a block in the cache that cannot be
   * written is no reason not to run it.
   */
  void discard(Store store, long position, long lengthBytes, Change change) throws IOException {
    beforeWrite(position, lengthBytes);
    try {
      register(store, position, lengthBytes);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "blocks that are discarded could not be written", e);
      if (cache != null) {
        cache.discard(change, position, lengthBytes);
      }
      return;
    }
    try {
      change.run();
    } finally {
      unregister(position, lengthBytes);
    }
  }

  /** Writes directly and returns when that is submitted. */
  void writeBehind(DirectPaths paths, int flags, MemorySegment from, long position)
      throws IOException {
    long length = from.byteSize();
    writeBehind.submit(io -> paths.writeBehind(io, flags, from, position), position, length);
  }

  /** Likewise, of several segments. */
  void writeBehind(DirectPaths paths, int flags, MemorySegment[] from, long length, long position)
      throws IOException {
    writeBehind.submit(
        io -> paths.writeBehind(io, flags, from, length, position), position, length);
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

  /** Likewise, into several segments: a block that lies in two of them is of one moment. */
  void readBuffered(DirectPaths paths, MemorySegment[] to, long length, long position)
      throws IOException {
    writeBehind.await(position, length);
    if (cache != null) {
      cache.read(paths, to, length, position);
    } else {
      unaligned.read(paths, to, length, position);
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

  /** Likewise, of several segments: a block that lies in two of them is written at one moment. */
  void writeBuffered(
      DirectPaths paths, MemorySegment[] from, long length, long position, boolean through)
      throws IOException {
    writeBehind.await(position, length);
    if (cache == null) {
      unaligned.write(paths, from, length, position);
    } else if (through) {
      cache.writeThrough(paths, from, length, position);
    } else {
      cache.write(paths, from, length, position);
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
    tellOfLostWrites();
    NvmeException cause = writeBehind.lastError(address);
    String message = address + ": a write failed after it had returned";
    if (cause == null) {
      return new NvmeException(message + ": the cache could not write a block back");
    }
    NvmeException lost = new NvmeException(message, cause.status());
    lost.initCause(cause);
    return lost;
  }

  /** Somebody is told of all writes that have failed after they had returned. */
  void tellOfLostWrites() {
    reported.accumulateAndGet(lostWrites(), Math::max);
  }

  /** Gives up what is dirty and cannot be written. */
  void abandon() {
    if (cache != null) {
      cache.abandon();
    }
  }

  void close() {
    if (cache != null) {
      cache.close();
    }
  }
}
