package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a hostile process does with an eventfd that it shares: whoever writes to it then waits for ever. */
public final class FilledEventFd {

  private static final int F_SETFL = 4;
  private static final int O_RDWR = 2;
  private static final long MOST = -2; // 2^64 − 2

  private FilledEventFd() {}

  /** Fills the counter, and has writes to it wait. */
  public static void fill(EventFd event) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocateFrom(ValueLayout.JAVA_LONG, MOST);
      // This one does not wait, also if somebody signals after the counter was emptied.
      Libc.fcntl(event.fd(), F_SETFL, MemorySegment.ofAddress(O_RDWR | EventFd.EFD_NONBLOCK));
      event.drain();
      Libc.write(Libc.newState(arena), event.fd(), value, Long.BYTES);
      Libc.fcntl(event.fd(), F_SETFL, MemorySegment.ofAddress(O_RDWR));
    }
  }
}
