package io.nvmedirect;

import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The direct writes of a device that have returned to their callers and are still on their way. The
 * lock owns the list. What overlaps one of them waits for it first, since commands in flight have no
 * order.
 */
final class WriteBehind {

  /** More than this many, and the oldest is waited for. */
  private static final int MAX_WRITES = 1024;

  /** Told of a range that a write has changed on the device. */
  @FunctionalInterface
  interface Written {
    void written(long position, long lengthBytes);
  }

  /** Submits a write that nobody reaps in particular. */
  @FunctionalInterface
  interface Submission {

    /** Returns the path that the write went. */
    DirectIo submit(AsyncIo io) throws IOException;
  }

  private record Write(AsyncIo io, DirectIo path, long position, long lengthBytes) {

    boolean overlaps(long from, long length) {
      return position < from + length && from < position + lengthBytes;
    }
  }

  private final Written written;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Write> writes = new ArrayList<>();
  private final List<AsyncIo> idle = new ArrayList<>();

  /** Writes on the list, for a look without the lock. */
  private volatile int count;

  /** Writes that have failed since the device was opened. */
  private volatile long errors;

  private volatile @Nullable NvmeException lastError;

  WriteBehind(Written written) {
    this.written = written;
  }

  boolean isEmpty() {
    return count == 0;
  }

  long errors() {
    return errors;
  }

  @Nullable NvmeException lastError() {
    return lastError;
  }

  /** Submits a write and returns; overlapping ones have been waited for. */
  void submit(Submission submission, long position, long lengthBytes) throws IOException {
    lock.lock();
    try {
      await(position, lengthBytes);
      if (writes.size() == MAX_WRITES) {
        finish(writes.removeFirst());
      }
      AsyncIo io = idle.isEmpty() ? new AsyncIo() : idle.removeLast();
      DirectIo path = submission.submit(io);
      writes.add(new Write(io, path, position, lengthBytes));
      count = writes.size();
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the writes that overlap a range. */
  void await(long position, long lengthBytes) {
    if (count > 0) {
      finishThose(write -> write.overlaps(position, lengthBytes));
    }
  }

  /** Waits for all writes, or those of some paths. */
  void awaitAll(@Nullable DirectPaths only) {
    if (count > 0) {
      finishThose(write -> only == null || only.has(write.path));
    }
  }

  private void finishThose(Predicate<Write> which) {
    lock.lock();
    try {
      for (int i = 0; i < writes.size(); ) {
        if (which.test(writes.get(i))) {
          finish(writes.remove(i));
        } else {
          i++;
        }
      }
      count = writes.size();
    } finally {
      lock.unlock();
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // the lock owns it
  private void finish(Write write) {
    write.path.await(write.io);
    written.written(write.position, write.lengthBytes);
    try {
      write.io.throwIfFailed();
    } catch (NvmeException e) {
      lastError = e;
      errors++;
    }
    idle.add(write.io);
  }
}
