package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;

/**
 * One waiter for events of eventfds: an epoll instance of its own (epoll(7)), edge-triggered. Each
 * signal of an eventfd counts for each waiter that watches it, and none takes it from another, for
 * nobody reads the counter. One thread at a time waits.
 */
public final class EventWait implements AutoCloseable {

  private static final int EPOLL_CLOEXEC = 0x80000;
  private static final int EPOLL_CTL_ADD = 1;
  private static final int EPOLLIN = 1;
  private static final int EPOLLET = 1 << 31;

  /** struct epoll_event is packed on x86-64 (12 bytes), and 16 bytes elsewhere. */
  private static final long EVENT_BYTES = 16;

  private static final int MAX_EVENTS = 4;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment state = Libc.newState(arena);
  private final MemorySegment events = arena.allocate(MAX_EVENTS * EVENT_BYTES, 8);
  private final int epoll;
  private boolean closed;

  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  private EventWait(int epoll) {
    this.epoll = epoll;
  }

  /** Makes a waiter for the eventfds. */
  public static EventWait on(EventFd... sources) throws LinuxException {
    int epoll = Libc.epollCreate(EPOLL_CLOEXEC);
    if (epoll < 0) {
      throw new LinuxException("epoll_create1", -epoll);
    }
    EventWait made = new EventWait(epoll);
    try {
      for (EventFd source : sources) {
        made.watch(source);
      }
      return made;
    } catch (LinuxException e) {
      made.close();
      throw e;
    }
  }

  private void watch(EventFd source) throws LinuxException {
    events.set(ValueLayout.JAVA_INT, 0, EPOLLIN | EPOLLET);
    int result = Libc.epollCtl(epoll, EPOLL_CTL_ADD, source.fd(), events);
    if (result < 0) {
      throw new LinuxException("epoll_ctl", -result);
    }
  }

  /**
   * Blocks in the kernel until a source is signalled, or the time is over, which is rounded up to
   * milliseconds. A signal since the last call counts. A signal handler may end the wait early.
   *
   * @return whether there was a signal
   */
  public boolean await(long timeoutNs) throws LinuxException {
    long ms = Math.ceilDiv(Math.max(0, timeoutNs), TimeUnit.MILLISECONDS.toNanos(1));
    int n = Libc.epollWait(state, epoll, events, MAX_EVENTS, (int) Math.min(ms, Integer.MAX_VALUE));
    if (n < 0 && n != -Errno.EINTR) {
      throw new LinuxException("epoll_wait", -n);
    }
    return n > 0;
  }

  /** Lets go; nobody waits. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      Libc.close(epoll);
      arena.close();
    }
  }
}
