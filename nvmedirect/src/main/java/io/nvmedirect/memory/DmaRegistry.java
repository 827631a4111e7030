package io.nvmedirect.memory;

import io.nvmedirect.linux.SafeLogger;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory that a device can reach, by address: buffers allocated here, and a small cache of
 * mappings of the caller's own native memory.
 *
 * <p>Any thread may use it. Readers search an immutable sorted snapshot; writers replace it under the
 * lock. A mapping of the caller's memory holds as long as the arena it came from is alive: a segment
 * of another scope at the same address is mapped anew.
 */
public final class DmaRegistry {

  private static final System.Logger LOG = SafeLogger.of(DmaRegistry.class);

  /** Mappings of the caller's memory that are kept. */
  private static final int MAX_MAPPINGS = 128;

  /** A thread that owns nothing: whoever is accessible by it is accessible by all. */
  private static final Thread ANYONE = Thread.ofPlatform().unstarted(() -> {});

  private final DmaMapper mapper;
  private volatile Entry[] snapshot = {};
  private int mappings;

  /**
   * @param scope null for a buffer that was allocated here
   */
  private record Entry(
      long address, long end, DmaBuffer buffer, MemorySegment.@Nullable Scope scope, long age) {

    boolean isMapping() {
      return scope != null;
    }

    boolean isDead() {
      return buffer.isClosed() || (scope != null && !scope.isAlive());
    }
  }

  private long clock;

  /** One warning is enough; two, if two threads are first, are no harm. */
  private volatile boolean refusalTold;

  public DmaRegistry(DmaMapper mapper) {
    this.mapper = mapper;
  }

  /** Allocates a buffer; I/O from and to any part of its segment finds it. */
  public DmaBuffer allocate(long lengthBytes) throws IOException {
    DmaBuffer buffer = allocateUnlisted(lengthBytes);
    add(buffer, null);
    return buffer;
  }

  /** Allocates a buffer of the library's own, which no I/O is looked up in. */
  public DmaBuffer allocateUnlisted(long lengthBytes) throws IOException {
    try {
      return DmaBuffer.allocate(mapper, lengthBytes);
    } catch (IOException e) {
      if (!dropMappings()) {
        throw e;
      }
      return DmaBuffer.allocate(mapper, lengthBytes);
    }
  }

  /**
   * The buffer that memory lies in, mapped now if need be, and acquired: the caller releases it.
   *
   * @return null if the device cannot reach the memory directly: it is on the heap, belongs to one
   *     thread, may go away under the device, maps a file, is not aligned to 4 bytes, or cannot be mapped
   */
  public @Nullable DmaBuffer acquire(MemorySegment memory) {
    return acquire(memory, 4);
  }

  /** Like the method above, for another alignment than 4 bytes: a power of two. */
  @Nullable DmaBuffer acquire(MemorySegment memory, int alignment) {
    if (!memory.scope().isAlive()) {
      throw new IllegalStateException("the memory is closed: " + memory);
    }
    if (!memory.isNative() || (memory.address() & (alignment - 1)) != 0) {
      return null;
    }
    DmaBuffer found = find(memory);
    if (found != null) {
      return found;
    }
    MemorySegment.Scope scope = memory.scope();
    // A mapping lets the device write, also for whoever finds it later. Pages of a file are not for
    // that: the file system would not know that they changed, and truncation takes them away.
    if (memory.isReadOnly()
        || memory.isMapped()
        || !isShared(memory)
        || scope.equals(Arena.global().scope())
        || !mapper.canMap(memory)) {
      return null;
    }
    DmaBuffer buffer = map(memory);
    if (buffer != null) {
      buffer.acquire();
      add(buffer, scope);
    }
    return buffer;
  }

  /** Null if the system refuses, for which the limit of locked memory is the usual reason. */
  private @Nullable DmaBuffer map(MemorySegment memory) {
    try {
      return DmaBuffer.map(mapper, memory);
    } catch (IOException e) {
      if (!refusalTold) {
        refusalTold = true;
        LOG.log(
            System.Logger.Level.WARNING,
            "memory of the application''s goes through bounce buffers, which costs a copy: {0}",
            e.getMessage());
      }
      return null;
    }
  }

  /** Whether every thread may access the memory. */
  public static boolean isShared(MemorySegment memory) {
    return memory.isAccessibleBy(ANYONE);
  }

  /** The offset in a buffer that {@link #acquire} gave for this memory. */
  public static long offset(DmaBuffer buffer, MemorySegment memory) {
    return memory.address() - buffer.segment().address();
  }

  private @Nullable DmaBuffer find(MemorySegment memory) {
    Entry[] entries = snapshot;
    long address = memory.address();
    long end = address + memory.byteSize();
    // Entries may overlap (mappings of slices), so walk back from the last that begins before.
    for (int i = lastBeginningAt(entries, address); i >= 0; i--) {
      Entry entry = entries[i];
      if (end <= entry.end && (entry.scope == null || entry.scope.equals(memory.scope()))) {
        if (entry.buffer.tryAcquire()) {
          return entry.buffer;
        }
        if (entry.buffer.segment().scope().equals(memory.scope()) && !entry.isMapping()) {
          throw new IllegalStateException("the buffer is closed: " + entry.buffer);
        }
      }
      if (!entry.isMapping() && entry.end <= address) {
        break;
      }
    }
    return null;
  }

  private static int lastBeginningAt(Entry[] entries, long address) {
    int low = 0;
    int high = entries.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (entries[middle].address <= address) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return high;
  }

  private synchronized void add(DmaBuffer buffer, MemorySegment.@Nullable Scope scope) {
    long address = buffer.segment().address();
    Entry added = new Entry(address, address + buffer.byteSize(), buffer, scope, clock++);
    Entry[] kept = evict(snapshot, scope != null ? MAX_MAPPINGS - 1 : MAX_MAPPINGS);
    int at = lastBeginningAt(kept, address) + 1;
    Entry[] next = Arrays.copyOf(kept, kept.length + 1);
    System.arraycopy(kept, at, next, at + 1, kept.length - at);
    next[at] = added;
    snapshot = next;
    mappings += scope != null ? 1 : 0;
  }

  /** Drops what is dead, and the oldest mapping if there are more than {@code most}. */
  private Entry[] evict(Entry[] entries, int most) {
    Entry oldest = null;
    if (mappings > most) {
      for (Entry entry : entries) {
        if (entry.isMapping() && (oldest == null || entry.age < oldest.age)) {
          oldest = entry;
        }
      }
    }
    Entry[] kept = new Entry[entries.length];
    int n = 0;
    for (Entry entry : entries) {
      if (!entry.isDead() && !entry.equals(oldest)) {
        kept[n++] = entry;
      } else if (entry.isMapping()) {
        mappings--;
        entry.buffer.close();
      }
    }
    return Arrays.copyOf(kept, n);
  }

  /**
   * Forgets the mappings of the caller's memory; those in use end with their use. They may have used up the
   * limit of locked memory or of mappings, and are made again when they are needed.
   *
   * @return false if there were none
   */
  public synchronized boolean dropMappings() {
    if (mappings == 0) {
      return false;
    }
    List<Entry> kept = new ArrayList<>();
    for (Entry entry : snapshot) {
      if (entry.isMapping()) {
        entry.buffer.close();
      } else {
        kept.add(entry);
      }
    }
    snapshot = kept.toArray(Entry[]::new);
    mappings = 0;
    return true;
  }

  /** Ends the mappings of the caller's memory; allocated buffers stay their owners'. */
  public synchronized void close() {
    dropMappings();
    snapshot = new Entry[0];
  }
}
