package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A counter of the kernel's that can be waited for (eventfd(2)); nobody reads it here. */
public final class EventFd implements AutoCloseable {

  private static final int EFD_CLOEXEC = 0x80000;
  private static final int EFD_NONBLOCK = 0x800;

  private static final MemorySegment ONE =
      Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1L).asReadOnly();

  /** Where a call leaves errno: kept, so that a signal allocates nothing. */
  private final MemorySegment state = Libc.newState(Arena.ofAuto());

  private final int fd;
  private boolean closed;

  private EventFd(int fd) {
    this.fd = fd;
  }

  /** Makes a counter of value 0. */
  public static EventFd create() throws LinuxException {
    int fd = Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
      throw new LinuxException("eventfd", -fd);
    }
    return new EventFd(fd);
  }

  /** The descriptor; it is this object's to close. */
  public int fd() {
    return fd;
  }

  /** Adds one, which is an event for whoever waits. Does nothing once closed. */
  public synchronized void signal() {
    if (!closed) {
      Libc.write(state, fd, ONE, Long.BYTES);
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
