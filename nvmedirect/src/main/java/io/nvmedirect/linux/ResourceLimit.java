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

  private static final int RLIMIT_NOFILE = 7;
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
    long soft = soft(RLIMIT_MEMLOCK);
    if (soft < RLIM_INFINITY) {
      throw new LinuxException("getrlimit(RLIMIT_MEMLOCK)", (int) -(soft + 1));
    }
    return soft == RLIM_INFINITY ? Long.MAX_VALUE : soft;
  }

  /** How many descriptors the process may have, as {@code ulimit -n} tells it. */
  static String openFiles() {
    long soft = soft(RLIMIT_NOFILE);
    return soft == RLIM_INFINITY ? "unlimited" : soft < 0 ? "not known" : String.valueOf(soft);
  }

  /** The limit that holds, {@link #RLIM_INFINITY}, or if the call fails {@code -errno - 1}. */
  private static long soft(int resource) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment limits = arena.allocate(2 * Long.BYTES, Long.BYTES);
      int result = Libc.getrlimit(resource, limits);
      return result < 0 ? result - 1L : limits.get(ValueLayout.JAVA_LONG, 0);
    }
  }
}
