package io.nvmedirect.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A counter of the kernel's that can be waited for (eventfd(2)). */
public final class EventFd implements AutoCloseable {

  static final int EFD_CLOEXEC = 0x80000;
  static final int EFD_NONBLOCK = 0x800;
  private static final int F_SETFL = 4;
  private static final int O_RDWR = 2;

  private static final MemorySegment ONE =
      Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1L).asReadOnly();

  /** Where a call leaves errno: kept, so that a signal allocates nothing. */
  private final MemorySegment state = Libc.newState(Arena.ofAuto());

  private final int fd;

  /** For one that another process has too; null to write to it. */
  private final @Nullable AioSignal shared;

  private boolean closed;

  private EventFd(int fd, @Nullable AioSignal shared) {
    this.fd = fd;
    this.shared = shared;
  }

  /** Makes a counter of value 0. */
  public static EventFd create() throws LinuxException {
    int fd = Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
      throw new LinuxException("eventfd", -fd);
    }
    return new EventFd(fd, null);
  }

  /**
   * Takes over a descriptor that another process has passed. Whatever that process does with it, to
   * signal it does not wait, unless the kernel lacks asynchronous I/O.
   *
   * @throws LinuxException if it is none of an eventfd (EINVAL); it is closed then
   */
  public static EventFd adopt(int fd) throws LinuxException {
    EventFd made = new EventFd(fd, AioSignal.of(fd));
    boolean good = false;
    try {
      if (!"anon_inode:[eventfd]".equals(target(fd))) {
        throw new LinuxException("use as eventfd", Errno.EINVAL);
      }
      // So that a counter that the other side has filled does not hold up who signals by writing.
      int result = Libc.fcntl(fd, F_SETFL, MemorySegment.ofAddress(O_RDWR | EFD_NONBLOCK));
      if (result < 0) {
        throw new LinuxException("fcntl of an eventfd", -result);
      }
      good = true;
      return made;
    } finally {
      if (!good) {
        made.close();
      }
    }
  }

  private static String target(int fd) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /** The descriptor; it is this object's to close. */
  public int fd() {
    return fd;
  }

  /** Adds one, which is an event for whoever waits. Does nothing once closed. */
  public synchronized void signal() {
    if (closed) {
      return;
    }
    if (shared != null) {
      shared.signal(state);
    } else {
      Libc.write(state, fd, ONE, Long.BYTES);
    }
  }

  /** Sets the counter to 0, so that a level-triggered wait waits again; false if it was. */
  public boolean drain() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(ValueLayout.JAVA_LONG);
      return Libc.read(Libc.newState(arena), fd, value, Long.BYTES) == Long.BYTES;
    }
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      Libc.close(fd);
    }
  }
}
