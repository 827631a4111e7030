package io.nvmedirect;

import io.nvmedirect.memory.DmaRegistry;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Segments of memory that are one range, one after the other. */
final class Segments {

  private Segments() {}

  /** Bytes of all; {@code Long.MAX_VALUE} if they are more. */
  static long byteSize(MemorySegment[] segments) {
    long sum = 0;
    for (MemorySegment segment : segments) {
      sum += segment.byteSize();
      if (sum < 0) {
        return Long.MAX_VALUE;
      }
    }
    return sum;
  }

  /**
   * Throws unless this thread may access all of the memory, and write to it if it is read into.
   *
   * @return bytes of all
   */
  static long check(MemorySegment[] segments, boolean into) {
    for (int i = 0; i < segments.length; i++) {
      MemorySegment segment = segments[i];
      if (into && segment.isReadOnly()) {
        throw new IllegalArgumentException(
            "the memory to read into is read-only: segment %d, %s".formatted(i, segment));
      }
      if (!segment.scope().isAlive()) {
        throw new IllegalStateException(
            "the memory is closed: segment %d, %s".formatted(i, segment));
      }
      if (!segment.isAccessibleBy(Thread.currentThread())) {
        throw new WrongThreadException(
            "the memory is confined to another thread: segment %d, %s".formatted(i, segment));
      }
    }
    return byteSize(segments);
  }

  /** Whether every thread may access all of the memory. */
  static boolean areShared(MemorySegment[] segments) {
    for (MemorySegment segment : segments) {
      if (!DmaRegistry.isShared(segment)) {
        return false;
      }
    }
    return true;
  }

  /** Copies {@code length} bytes from {@code offset} on to the beginning of {@code to}. */
  static void gather(MemorySegment[] from, long offset, MemorySegment to, long length) {
    long skip = offset;
    long done = 0;
    for (int i = 0; done < length; i++) {
      long size = from[i].byteSize();
      if (skip < size) {
        long part = Math.min(size - skip, length - done);
        MemorySegment.copy(from[i], skip, to, done, part);
        done += part;
      }
      skip = Math.max(0, skip - size);
    }
  }

  /** Copies {@code length} bytes from the beginning of {@code from} to {@code offset}. */
  static void scatter(MemorySegment from, MemorySegment[] to, long offset, long length) {
    long skip = offset;
    long done = 0;
    for (int i = 0; done < length; i++) {
      long size = to[i].byteSize();
      if (skip < size) {
        long part = Math.min(size - skip, length - done);
        MemorySegment.copy(from, done, to[i], skip, part);
        done += part;
      }
      skip = Math.max(0, skip - size);
    }
  }

  /** The segments, and parts of some, of a part of the range. None of them is empty. */
  static MemorySegment[] slice(MemorySegment[] segments, long offset, long length) {
    MemorySegment[] slice = new MemorySegment[segments.length];
    int count = 0;
    long skip = offset;
    long left = length;
    for (int i = 0; left > 0; i++) {
      long size = segments[i].byteSize();
      if (skip < size) {
        long part = Math.min(size - skip, left);
        slice[count++] = segments[i].asSlice(skip, part);
        left -= part;
      }
      skip = Math.max(0, skip - size);
    }
    return Arrays.copyOf(slice, count);
  }
}
