package io.nvmedirect.pcie;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The structure that a VFIO request takes, in memory of its own; fields are at byte
 * offsets, and capabilities wherever kernels before 6.8 put them, unaligned.
 */
final class Arguments implements AutoCloseable {

  private static final int ARGSZ = 0;
  private static final int FLAGS = 4;

  private final Arena arena = Arena.ofConfined();
  private MemorySegment memory;

  Arguments(int bytes, int flags) {
    memory = arena.allocate(bytes, Long.BYTES);
    set(ARGSZ, bytes).set(FLAGS, flags);
  }

  Arguments set(long offset, int value) {
    memory.set(ValueLayout.JAVA_INT_UNALIGNED, offset, value);
    return this;
  }

  Arguments set(long offset, long value) {
    memory.set(ValueLayout.JAVA_LONG_UNALIGNED, offset, value);
    return this;
  }

  int flags() {
    return getInt(FLAGS);
  }

  int getInt(long offset) {
    return memory.get(ValueLayout.JAVA_INT_UNALIGNED, offset);
  }

  long getLong(long offset) {
    return memory.get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
  }

  int call(NativeFile file, String what, long request) throws LinuxException {
    return file.ioctl(what, request, memory);
  }

  /** Like {@link #call}, but returns {@code -errno}. */
  int tryCall(NativeFile file, long request) {
    return file.tryIoctl(request, memory);
  }

  /** Calls, and once more with more memory if the kernel says in argsz that it has more to tell. */
  void callForAll(NativeFile file, String what, long request) throws LinuxException {
    call(file, what, request);
    int wanted = getInt(ARGSZ);
    if (wanted > memory.byteSize()) {
      MemorySegment larger = arena.allocate(wanted, Long.BYTES);
      MemorySegment.copy(memory, 0, larger, 0, memory.byteSize());
      memory = larger;
      call(file, what, request);
    }
  }

  /**
   * Finds a capability in the chain that begins at an offset: struct vfio_info_cap_header has the
   * identifier at 0 (16 bits), the version at 2, and the offset of the next one at 4.
   *
   * @return its offset, or 0 if there is none
   */
  long capability(int first, int id) {
    long at = Integer.toUnsignedLong(first);
    while (at != 0 && at + Long.BYTES <= memory.byteSize()) {
      if (Short.toUnsignedInt(memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, at)) == id) {
        return at;
      }
      at = Integer.toUnsignedLong(getInt(at + 4));
    }
    return 0;
  }

  @Override
  public void close() {
    arena.close();
  }
}
