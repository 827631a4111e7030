package io.nvmedirect.memory;

import io.nvmedirect.linux.Mmap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Memory that a device can reach, at a known I/O virtual address. I/O from and to it needs no copy.
 *
 * <p>The memory is zero at first, page-aligned and usable from any thread. {@link #close} frees it
 * once no command uses it: until then the device may write to it, afterwards any access to
 * {@link #segment} is an {@link IllegalStateException}, and so is a new command at once.
 *
 * <p>State is one word: bit 31 says closed, the rest counts the users. It is changed by
 * compare-and-set only, so exactly one thread makes the step to "closed, no users", and frees.
 */
public final class DmaBuffer implements AutoCloseable {

  private static final int CLOSED = 1 << 31;

  private static final VarHandle STATE;

  static {
    try {
      STATE =
          MethodHandles.lookup()
              .findVarHandle(DmaBuffer.class, "state", int.class)
              .withInvokeExactBehavior();
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final MemorySegment segment;
  private final long iova;
  private final DmaMapper mapper;

  /** Owns the memory; null if the memory is somebody else's. */
  private final @Nullable Arena arena;

  /** Null until it is first needed. Volatile so that whoever finds it finds its entries. */
  private volatile @Nullable PageList pages;

  @SuppressWarnings("UnusedVariable") // by STATE
  private int state;

  private DmaBuffer(MemorySegment segment, DmaMapper mapper, @Nullable Arena arena)
      throws IOException {
    this.segment = segment;
    this.mapper = mapper;
    this.arena = arena;
    this.iova = mapper.map(segment);
  }

  /**
   * Allocates zeroed memory and maps it.
   *
   * @param lengthBytes at least 1; rounded up to pages of 4096 bytes
   */
  @SuppressWarnings("MustBeClosedChecker") // free() closes it
  public static DmaBuffer allocate(DmaMapper mapper, long lengthBytes) throws IOException {
    if (lengthBytes <= 0 || lengthBytes > Long.MAX_VALUE - Mmap.PAGE_BYTES) {
      throw new IllegalArgumentException(
          "a buffer has at least one byte: lengthBytes=" + lengthBytes);
    }
    Arena arena = Arena.ofShared();
    try {
      long rounded = (lengthBytes + Mmap.PAGE_BYTES - 1) & -Mmap.PAGE_BYTES;
      return new DmaBuffer(mapper.allocate(rounded, arena), mapper, arena);
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** Maps native memory of somebody else's, who keeps it alive until this buffer is closed. */
  public static DmaBuffer map(DmaMapper mapper, MemorySegment memory) throws IOException {
    return new DmaBuffer(memory, mapper, null);
  }

  /** All of the memory. */
  public MemorySegment segment() {
    return segment;
  }

  /** Bytes of memory; what {@link #allocate} made is a multiple of 4096. */
  public long byteSize() {
    return segment.byteSize();
  }

  /** The I/O virtual address of the byte at {@code offset}; contiguous over the whole buffer. */
  public long iova(long offset) {
    return iova + offset;
  }

  /**
   * The list of the buffer's pages, made when it is first asked for; for whoever has acquired the
   * buffer.
   */
  public PageList pages() {
    PageList known = pages;
    return known == null ? makePages() : known;
  }

  private synchronized PageList makePages() {
    PageList known = pages;
    if (known == null) {
      known = PageList.make(mapper, iova, segment.byteSize());
      pages = known;
    }
    return known;
  }

  /** Whether the buffer was mapped by this mapper: another device reaches other memory there. */
  public boolean isOf(DmaMapper other) {
    return mapper.equals(other);
  }

  /** Whether an operation uses the buffer. */
  public boolean isInUse() {
    return ((int) STATE.getAcquire(this) & ~CLOSED) != 0;
  }

  /** Whether {@link #close} was called. */
  public boolean isClosed() {
    return (int) STATE.getAcquire(this) < 0;
  }

  /**
   * Counts a user, for whom the memory stays; each acquire needs one {@link #release}. The library
   * does this for its commands.
   *
   * @throws IllegalStateException if the buffer is closed
   */
  public void acquire() {
    if (!tryAcquire()) {
      throw new IllegalStateException("the buffer is closed: " + this);
    }
  }

  /** Like {@link #acquire}, but false if the buffer is closed. */
  boolean tryAcquire() {
    int users;
    do {
      users = (int) STATE.getAcquire(this);
      if (users < 0) {
        return false;
      }
    } while (!STATE.compareAndSet(this, users, users + 1));
    return true;
  }

  /** Ends a use; the last one after {@link #close} frees the memory. */
  public void release() {
    if ((int) STATE.getAndAdd(this, -1) - 1 == CLOSED) {
      free();
    }
  }

  /** Frees the memory, now or when the last command that uses it ends. Idempotent. */
  @Override
  public void close() {
    int before = (int) STATE.getAndBitwiseOr(this, CLOSED);
    if (before == 0) {
      free();
    }
  }

  private void free() {
    PageList list = pages;
    if (list != null) {
      list.free(mapper);
    }
    mapper.unmap(iova);
    if (arena != null) {
      arena.close();
    }
  }

  @Override
  public String toString() {
    return "DmaBuffer[bytes=%d, iova=0x%x]".formatted(segment.byteSize(), iova);
  }
}
