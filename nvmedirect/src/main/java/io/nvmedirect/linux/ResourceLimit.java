package io.nvmedirect.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Limits of this process (getrlimit(2)), and what it has of them. */
public final class ResourceLimit {

  /** proc(5). VFIO's pinned pages are counted as locked (VmLck) there, not as pinned (VmPin). */
  private static final Path STATUS = Path.of("/proc/self/status");

  private static final int RLIMIT_MEMLOCK = 8;
  private static final long RLIM_INFINITY = -1;

  private ResourceLimit() {}

  /**
   * Bytes of memory that are locked now, for whatever reason: those of all devices count against the one
   * limit. −1 if the kernel does not tell.
   */
  public static long lockedNowBytes() {
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.matches("VmLck:\\s+\\d{1,15} kB"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(-1);
    } catch (IOException | UncheckedIOException e) {
      return -1;
    }
  }

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
