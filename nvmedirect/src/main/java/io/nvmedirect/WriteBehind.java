package io.nvmedirect;

import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.transport.Reaper;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The direct writes of a device that have returned to their callers and are still on their way. What
 * overlaps one of them waits for it first, since commands in flight have no order.
 *
 * <p>The lock owns the list and is never held while anybody waits: whoever reaps a write takes it off the
 * list, and those who wait reap and look again.
 */
final class WriteBehind {

  /** More than this many, and a further one waits. */
  private static final int MAX_WRITES = 1024;

  private static final long ALL = Long.MAX_VALUE;

  /** Submits a write that nobody reaps in particular. */
  @FunctionalInterface
  interface Submission {

    /** Returns the path that the write went. */
    DirectIo submit(AsyncIo io) throws IOException;
  }

  /** A write, used for one after the other. The list's lock owns all but {@code io}. */
  private final class Write {
    final AsyncIo io = new AsyncIo(done -> ended(this, done));

    /** Null until it is submitted. */
    @Nullable DirectIo path;

    long number;
    long position;
    long lengthBytes;

    boolean overlaps(long from, long length) {
      return position < from + length && from < position + lengthBytes;
    }
  }

  private final Reaper reaper;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Write> writes = new ArrayList<>();
  private final ArrayDeque<Write> idle = new ArrayDeque<>();
  private long lastNumber;

  /** Writes on the list, for a look without the lock. */
  private volatile int count;

  /** Writes that have failed since the device was opened. */
  private volatile long errors;

  /** The last of those; the lock owns it. */
  private int lostStatus;

  private long lostPosition;
  private long lostBytes;

  WriteBehind(Reaper reaper) {
    this.reaper = reaper;
  }

  boolean isEmpty() {
    return count == 0;
  }

  long errors() {
    return errors;
  }

  /** The last write that has failed; null if there was none. */
  @Nullable NvmeException lastError(String address) {
    lock.lock();
    try {
      return errors == 0
          ? null
          : new NvmeException(
              "%s: Write of %d bytes at %d".formatted(address, lostBytes, lostPosition),
              lostStatus);
    } finally {
      lock.unlock();
    }
  }

  /** Submits a write and returns; overlapping ones have been waited for. */
  void submit(Submission submission, long position, long lengthBytes) throws IOException {
    Write write = reserve(position, lengthBytes);
    boolean submitted = false;
    try {
      // The write may end, and be another one, before this returns.
      long number = write.number;
      DirectIo path = submission.submit(write.io);
      submitted = true;
      setPath(write, number, path);
    } finally {
      if (!submitted) {
        remove(write, 0);
      }
    }
  }

  /** Puts a write on the list when none there overlaps it. */
  private Write reserve(long position, long lengthBytes) {
    int polls = 0;
    while (true) {
      lock.lock();
      try {
        if (writes.size() < MAX_WRITES && find(position, lengthBytes, ALL) == null) {
          Write write = idle.isEmpty() ? new Write() : idle.removeLast();
          write.number = ++lastNumber;
          write.position = position;
          write.lengthBytes = lengthBytes;
          writes.add(write);
          count = writes.size();
          return write;
        }
      } finally {
        lock.unlock();
      }
      polls = reaper.reap(polls);
    }
  }

  private @Nullable Write find(long position, long lengthBytes, long lastOne) {
    for (Write write : writes) {
      if (write.number <= lastOne && write.overlaps(position, lengthBytes)) {
        return write;
      }
    }
    return null;
  }

  private void setPath(Write write, long number, DirectIo path) {
    lock.lock();
    try {
      if (write.number == number) {
        write.path = path;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Runs on the thread that reaps the write, and allocates nothing before the write is off the list. */
  private void ended(Write write, AsyncIo done) {
    int status = done.status();
    done.forget();
    remove(write, status);
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // the lock owns them
  private void remove(Write write, int status) {
    lock.lock();
    try {
      if (status != 0) {
        lostStatus = status;
        lostPosition = write.position;
        lostBytes = write.lengthBytes;
        errors++;
      }
      writes.remove(write);
      write.number = 0;
      write.path = null;
      // After the errors, so that who sees no writes sees those.
      count = writes.size();
      idle.addLast(write);
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the writes that overlap a range; not for those that others go on to submit. */
  void await(long position, long lengthBytes) {
    if (count > 0) {
      long lastOne = lastNumber();
      for (int polls = 0; isOverlapped(position, lengthBytes, lastOne); ) {
        polls = reaper.reap(polls);
      }
    }
  }

  /** Waits for all writes that were submitted before, or those of some paths. */
  void awaitAll(@Nullable DirectPaths only) {
    if (count > 0) {
      long lastOne = lastNumber();
      for (int polls = 0; hasAny(only, lastOne); ) {
        polls = reaper.reap(polls);
      }
    }
  }

  private long lastNumber() {
    lock.lock();
    try {
      return lastNumber;
    } finally {
      lock.unlock();
    }
  }

  private boolean isOverlapped(long position, long lengthBytes, long lastOne) {
    lock.lock();
    try {
      return find(position, lengthBytes, lastOne) != null;
    } finally {
      lock.unlock();
    }
  }

  private boolean hasAny(@Nullable DirectPaths only, long lastOne) {
    lock.lock();
    try {
      for (Write write : writes) {
        DirectIo path = write.path;
        if (write.number <= lastOne && (only == null || path == null || only.has(path))) {
          return true;
        }
      }
      return false;
    } finally {
      lock.unlock();
    }
  }
}
