package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Limits of this process (getrlimit(2)). */
public final class ResourceLimit {

  private static final int RLIMIT_MEMLOCK = 8;
  private static final long RLIM_INFINITY = -1;

  private ResourceLimit() {}

  /** Bytes of memory that may be locked; {@link Long#MAX_VALUE} for no limit. */
  public static long lockedMemoryBytes() throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment limits = arena.allocate(2 * Long.BYTES, Long.BYTES);
      int result = Libc.getrlimit(RLIMIT_MEMLOCK, limits);
      if (result < 0) {
        throw new LinuxException("getrlimit(RLIMIT_MEMLOCK)", -result);
      }
      long soft = limits.get(ValueLayout.JAVA_LONG, 0);
      return soft == RLIM_INFINITY ? Long.MAX_VALUE : soft;
    }
  }
}
