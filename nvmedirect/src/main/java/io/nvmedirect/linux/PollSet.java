package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * Descriptors that one thread waits for together (ppoll(2)), level-triggered, with a time limit in
 * nanoseconds. Belongs to that thread.
 */
public final class PollSet implements AutoCloseable {

  private static final short POLLIN = 1;
  private static final short POLLOUT = 4;
  private static final short POLLERR = 8;
  private static final short POLLHUP = 16;
  private static final int POLLFD_BYTES = 8;
  private static final int INITIAL = 16;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment state = Libc.newState(arena);
  private final MemorySegment timespec = arena.allocate(16, 8);
  private MemorySegment entries = Arena.ofAuto().allocate(INITIAL * (long) POLLFD_BYTES, 8);
  private int[] fds = new int[INITIAL];
  private int count;

  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  public PollSet() {}

  /** Waits for something to receive from now on. */
  public void add(int fd) {
    if (count == fds.length) {
      int[] more = Arrays.copyOf(fds, 2 * count);
      MemorySegment larger = Arena.ofAuto().allocate(2L * count * POLLFD_BYTES, 8);
      larger.copyFrom(entries);
      // Both or none of them, if there is no memory.
      fds = more;
      entries = larger;
    }
    fds[count] = fd;
    set(count++, fd, POLLIN);
  }

  /** Waits for room to send in place of something to receive, or the other way round. */
  public void awaitRoom(int fd, boolean room) {
    set(index(fd), fd, room ? POLLOUT : POLLIN);
  }

  private void set(int index, int fd, short events) {
    long at = (long) index * POLLFD_BYTES;
    entries.set(ValueLayout.JAVA_INT, at, fd);
    entries.set(ValueLayout.JAVA_SHORT, at + 4, events);
    entries.set(ValueLayout.JAVA_SHORT, at + 6, (short) 0);
  }

  /** Waits for it no more. */
  public void remove(int fd) {
    int index = index(fd);
    int last = --count;
    fds[index] = fds[last];
    MemorySegment.copy(
        entries, (long) last * POLLFD_BYTES, entries, (long) index * POLLFD_BYTES, POLLFD_BYTES);
  }

  private int index(int fd) {
    for (int i = 0; i < count; i++) {
      if (fds[i] == fd) {
        return i;
      }
    }
    throw new IllegalArgumentException("not waited for: fd=" + fd);
  }

  /**
   * Waits until one of them is ready.
   *
   * @param timeoutNs 0 only looks; negative has no limit
   * @return how many are ready; 0 if the time is over, or a signal came
   */
  public int await(long timeoutNs) throws LinuxException {
    MemorySegment limit = MemorySegment.NULL;
    if (timeoutNs >= 0) {
      timespec.set(ValueLayout.JAVA_LONG, 0, TimeUnit.NANOSECONDS.toSeconds(timeoutNs));
      timespec.set(ValueLayout.JAVA_LONG, 8, timeoutNs % TimeUnit.SECONDS.toNanos(1));
      limit = timespec;
    }
    int n = LibcSockets.ppoll(state, entries, count, limit);
    if (n < 0 && n != -Errno.EINTR) {
      throw new LinuxException("ppoll", -n);
    }
    return Math.max(n, 0);
  }

  /** Whether the last {@link #await} found it ready, closed by the other side or broken. */
  public boolean isReady(int fd) {
    return revents(fd) != 0;
  }

  /** Whether the last {@link #await} found that the other side has closed, or that it is broken. */
  public boolean isHungUp(int fd) {
    return (revents(fd) & (POLLHUP | POLLERR)) != 0;
  }

  private short revents(int fd) {
    return entries.get(ValueLayout.JAVA_SHORT, (long) index(fd) * POLLFD_BYTES + 6);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
