package io.nvmedirect.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * How long memory of the application's lives. Memory of an arena that can be closed may go back to the
 * system, and to somebody else, while a device still writes to it; memory that lives until it is
 * unreachable stays for as long as its mapping refers to it.
 */
final class Lifetime {

  /**
   * The scopes of memory that nobody can close, by their class, for there is no other sign. If a JDK
   * had one class for all scopes the set would be empty, and all memory be copied.
   */
  private static final Set<Class<?>> UNTIL_UNREACHABLE = classes();

  private Lifetime() {}

  private static Set<Class<?>> classes() {
    try (Arena closeable = Arena.ofShared();
        Arena confined = Arena.ofConfined()) {
      Class<?> automatic = Arena.ofAuto().scope().getClass();
      Class<?> buffer = MemorySegment.ofBuffer(ByteBuffer.allocateDirect(1)).scope().getClass();
      Set<Class<?>> closing = Set.of(closeable.scope().getClass(), confined.scope().getClass());
      return closing.contains(automatic) || closing.contains(buffer)
          ? Set.of()
          : automatic.equals(buffer) ? Set.of(buffer) : Set.of(automatic, buffer);
    }
  }

  /** Whether the memory is an automatic arena's or a direct buffer's. */
  static boolean isUntilUnreachable(MemorySegment memory) {
    return UNTIL_UNREACHABLE.contains(memory.scope().getClass());
  }
}
