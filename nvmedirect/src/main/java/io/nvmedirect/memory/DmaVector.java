package io.nvmedirect.memory;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Memory of one operation that a device reaches, but not at one place: pieces, of which each is
 * contiguous for the device, one after the other. Kept from operation to operation, so that an
 * operation allocates nothing once the arrays are large enough.
 *
 * <p>Filled by the thread that submits; from then until it is released it does not change. It holds
 * every buffer that it has pieces of.
 */
public final class DmaVector {

  private static final int INITIAL_PIECES = 8;

  private @Nullable DmaBuffer[] buffers = new DmaBuffer[INITIAL_PIECES];
  private int held;

  /** So many of the buffers are those of this operation or of one before. */
  private int kept;

  private long[] iovas = new long[INITIAL_PIECES];

  /** Where each piece ends, in bytes from the beginning of the first. */
  private long[] ends = new long[INITIAL_PIECES];

  private int count;

  /** Makes an empty one. */
  public DmaVector() {}

  /**
   * Adds memory, mapped now if need be, and acquires its buffer.
   *
   * @param memory not empty
   * @param alignment what the device asks of the address of a piece: a power of two
   * @return false if the device cannot reach the memory: see {@link DmaRegistry#acquire}
   */
  public boolean add(DmaRegistry registry, MemorySegment memory, int alignment) {
    DmaBuffer buffer = holder(memory, alignment);
    if (buffer == null) {
      buffer = registry.acquire(memory, alignment);
      if (buffer == null) {
        return false;
      }
      hold(buffer);
    }
    append(buffer.iova(DmaRegistry.offset(buffer, memory)), memory.byteSize());
    return true;
  }

  /** The buffer that was added last, if this memory lies in it, too: then it need not be searched. */
  private @Nullable DmaBuffer holder(MemorySegment memory, int alignment) {
    DmaBuffer last = held == 0 ? null : buffers[held - 1];
    if (last == null || !memory.isNative() || (memory.address() & (alignment - 1)) != 0) {
      return null;
    }
    long offset = DmaRegistry.offset(last, memory);
    boolean within = offset >= 0 && memory.byteSize() <= last.byteSize() - offset;
    // At the address of memory that is gone there may be other memory.
    return within && last.segment().scope().equals(memory.scope()) ? last : null;
  }

  private void hold(DmaBuffer buffer) {
    if (held == buffers.length) {
      buffers = Arrays.copyOf(buffers, 2 * held);
    }
    // Mostly it is the one of the last time, and a store of a reference has a barrier of the GC's.
    if (buffers[held] != buffer) {
      buffers[held] = buffer;
    }
    held++;
    kept = Math.max(kept, held);
  }

  private void append(long iova, long lengthBytes) {
    int last = count - 1;
    long end = byteSize();
    if (last >= 0 && iovas[last] + (end - start(last)) == iova) {
      ends[last] = end + lengthBytes;
      return;
    }
    if (count == iovas.length) {
      iovas = Arrays.copyOf(iovas, 2 * count);
      ends = Arrays.copyOf(ends, 2 * count);
    }
    iovas[count] = iova;
    ends[count] = end + lengthBytes;
    count++;
  }

  /** Bytes of all pieces. */
  public long byteSize() {
    return count == 0 ? 0 : ends[count - 1];
  }

  /** Pieces; what was added may be fewer, for neighbours become one. */
  public int pieces() {
    return count;
  }

  /** The I/O virtual address of a piece. */
  public long iova(int piece) {
    return iovas[piece];
  }

  /** Where a piece begins, in bytes from the beginning of the first. */
  public long start(int piece) {
    return piece == 0 ? 0 : ends[piece - 1];
  }

  /** Where a piece ends, in bytes from the beginning of the first. */
  public long end(int piece) {
    return ends[piece];
  }

  /** The piece that the byte at {@code offset} is in. */
  public int pieceAt(long offset) {
    int low = 0;
    int high = count - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (offset < ends[middle]) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** Empties it and releases the buffers, which no command uses. */
  public void release() {
    int users = held;
    abandon();
    for (int i = 0; i < users; i++) {
      DmaBuffer buffer = buffers[i];
      if (buffer != null) {
        buffer.release();
      }
    }
  }

  /** Empties it; the buffers stay acquired for good, for a lost device may still use them. */
  public void abandon() {
    held = 0;
    count = 0;
  }

  /** Lets go of buffers of operations before, of an empty one. */
  public void forget() {
    Arrays.fill(buffers, 0, kept, null);
    kept = 0;
  }
}
