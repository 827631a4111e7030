package io.nvmedirect.emulator;

import io.nvmedirect.memory.DmaMapper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The controller's IOMMU: I/O virtual addresses to host memory. What is not mapped cannot be reached.
 *
 * <p>The table is immutable and replaced as a whole, so that the device reads it without a lock and
 * sees one consistent state per command. Addresses only grow: one that was unmapped stays invalid for
 * good, and a gap after each range catches a transfer that runs past its end.
 */
final class Iommu implements DmaMapper {

  private static final long PAGE_BYTES = 4096;
  private static final long FIRST_ADDRESS = 1L << 32;

  /** Stands for the device's thread, which cannot reach memory that is confined to another. */
  private static final Thread ANY_THREAD = Thread.ofPlatform().unstarted(() -> {});

  /** The ranges at one moment, sorted by address: range i is [starts[i], ends[i]). */
  static final class Table {
    final long[] starts;
    final long[] ends;
    final MemorySegment[] segments;

    Table(long[] starts, long[] ends, MemorySegment[] segments) {
      this.starts = starts;
      this.ends = ends;
      this.segments = segments;
    }

    /** Index of the range that contains an address; −1 if none does. */
    int find(long iova) {
      int low = 0;
      int high = starts.length - 1;
      while (low <= high) {
        int middle = (low + high) >>> 1;
        if (iova < starts[middle]) {
          high = middle - 1;
        } else if (iova >= ends[middle]) {
          low = middle + 1;
        } else {
          return middle;
        }
      }
      return -1;
    }
  }

  private static final Table NOTHING = new Table(new long[0], new long[0], new MemorySegment[0]);

  /** What is mapped. */
  private Table mapped = NOTHING;

  /** What the device reaches. Volatile so that a doorbell rung after map() finds the range. */
  private volatile Table table = NOTHING;

  private boolean blocked;
  private long next = FIRST_ADDRESS;
  private boolean closed;

  /** The ranges that the device reaches now. */
  Table table() {
    return table;
  }

  private void change(Table ranges) {
    mapped = ranges;
    table = blocked ? NOTHING : ranges;
  }

  /** A function that is no bus master reaches nothing, whatever is mapped. */
  synchronized void block(boolean on) {
    if (blocked != on) {
      blocked = on;
      change(mapped);
    }
  }

  /** The embedded controller finds memory closed where it is: an error, and no harm. */
  @Override
  public boolean canMap(MemorySegment memory) {
    return true;
  }

  @Override
  public synchronized long map(MemorySegment memory) throws IOException {
    if (!memory.isNative() || memory.byteSize() == 0) {
      throw new IllegalArgumentException("no native memory: " + memory);
    }
    if (!memory.isAccessibleBy(ANY_THREAD)) {
      throw new IOException(
          "memory of a confined arena cannot be reached by the device: " + memory);
    }
    if (closed) {
      throw new IOException("the controller is closed");
    }
    long start = next + (memory.address() & (PAGE_BYTES - 1));
    long end = start + memory.byteSize();
    next = ((end + PAGE_BYTES - 1) & -PAGE_BYTES) + PAGE_BYTES;
    Table old = mapped;
    int last = old.starts.length;
    change(
        new Table(
            with(old.starts, last, start),
            with(old.ends, last, end),
            with(old.segments, last, memory)));
    return start;
  }

  /**
   * Maps memory at an address of the host's choice; one or the other way of mapping is used, not both.
   *
   * @param memory accessible by the device's thread
   * @return false if the range overlaps another one, or is none: nothing has happened
   */
  synchronized boolean mapAt(long iova, MemorySegment memory) {
    long end = iova + memory.byteSize();
    if (iova < 0 || end <= iova) {
      return false;
    }
    Table old = mapped;
    int found = Arrays.binarySearch(old.starts, iova);
    int at = -found - 1;
    boolean overlaps =
        found >= 0
            || (at > 0 && old.ends[at - 1] > iova)
            || (at < old.starts.length && old.starts[at] < end);
    if (!overlaps) {
      change(
          new Table(
              with(old.starts, at, iova), with(old.ends, at, end), with(old.segments, at, memory)));
    }
    return !overlaps;
  }

  private static long[] with(long[] values, int index, long value) {
    long[] more = new long[values.length + 1];
    System.arraycopy(values, 0, more, 0, index);
    more[index] = value;
    System.arraycopy(values, index, more, index + 1, values.length - index);
    return more;
  }

  private static MemorySegment[] with(MemorySegment[] values, int index, MemorySegment value) {
    MemorySegment[] more = new MemorySegment[values.length + 1];
    System.arraycopy(values, 0, more, 0, index);
    more[index] = value;
    System.arraycopy(values, index, more, index + 1, values.length - index);
    return more;
  }

  @Override
  public synchronized void unmap(long iova) {
    Table old = mapped;
    int i = Arrays.binarySearch(old.starts, iova);
    if (i < 0) {
      return;
    }
    change(new Table(without(old.starts, i), without(old.ends, i), without(old.segments, i)));
  }

  private static long[] without(long[] values, int index) {
    long[] rest = new long[values.length - 1];
    System.arraycopy(values, 0, rest, 0, index);
    System.arraycopy(values, index + 1, rest, index, rest.length - index);
    return rest;
  }

  private static MemorySegment[] without(MemorySegment[] values, int index) {
    MemorySegment[] rest = new MemorySegment[values.length - 1];
    System.arraycopy(values, 0, rest, 0, index);
    System.arraycopy(values, index + 1, rest, index, rest.length - index);
    return rest;
  }

  /** Ends every mapping. */
  synchronized void close() {
    closed = true;
    change(NOTHING);
  }
}
