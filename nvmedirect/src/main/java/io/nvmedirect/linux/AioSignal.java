package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Signals an eventfd that another process has open too, and never waits. To write to it would not do:
 * whether a write to a full counter waits is a matter of the open file description, which the other
 * process shares and can change at any moment. Asynchronous I/O of the kernel (io_submit(2)) can signal
 * an eventfd when it completes, and that always returns at once. What is submitted here is only to wait
 * until the eventfd can be read or written, one of which it always can.
 *
 * <p>A signal costs a microsecond more than a write. Any thread may have one of its own.
 */
final class AioSignal {

  /** Completions that nobody has taken; they have no meaning, and are dropped when there is no more room. */
  private static final int MOST_EVENTS = 128;

  // struct iocb and struct io_event of linux/aio_abi.h.
  private static final int IOCB_BYTES = 64;
  private static final int IOCB_OPCODE = 16;
  private static final int IOCB_FD = 20;
  private static final int IOCB_BUFFER = 24;
  private static final int IOCB_FLAGS = 56;
  private static final int IOCB_EVENT_FD = 60;
  private static final int EVENT_BYTES = 32;
  private static final short OPCODE_POLL = 5;
  private static final int FLAG_EVENT_FD = 1;
  private static final int POLLIN_OR_POLLOUT = 1 | 4;

  /** What all signals of the process share; the kernel ends it with the process. */
  private static final class Context {
    static final @Nullable Context SHARED = open();

    final long id;
    final MemorySegment events = Arena.global().allocate((long) MOST_EVENTS * EVENT_BYTES, 8);
    final MemorySegment noTime = Arena.global().allocate(16, 8);

    private Context(long id) {
      this.id = id;
    }

    /** Null where the kernel has no asynchronous I/O, gives no more of it, or is older than 4.19. */
    private static @Nullable Context open() {
      MemorySegment id = Arena.global().allocate(ValueLayout.JAVA_LONG);
      if (!LibcAio.isKnown() || LibcAio.setup(MOST_EVENTS, id) < 0) {
        return null;
      }
      Context made = new Context(id.get(ValueLayout.JAVA_LONG, 0));
      return made.works() ? made : null;
    }

    private boolean works() {
      int fd = Libc.eventfd(0, EventFd.EFD_CLOEXEC | EventFd.EFD_NONBLOCK);
      if (fd < 0) {
        return false;
      }
      try (Arena arena = Arena.ofConfined()) {
        return new AioSignal(this, fd).trySignal(Libc.newState(arena));
      } finally {
        Libc.close(fd);
      }
    }

    /** Drops completions; by several threads at a time if need be, for nobody reads the events. */
    void drain(MemorySegment state) {
      LibcAio.getEvents(state, id, MOST_EVENTS, events, noTime);
    }
  }

  private final Context context;

  /** The iocb, and behind it its address: the array of one that the call takes. */
  private final MemorySegment request = Arena.ofAuto().allocate(IOCB_BYTES + 8L, 8);

  private final MemorySegment array = request.asSlice(IOCB_BYTES);

  private AioSignal(Context context, int fd) {
    this.context = context;
    request.set(ValueLayout.JAVA_SHORT, IOCB_OPCODE, OPCODE_POLL);
    request.set(ValueLayout.JAVA_INT, IOCB_FD, fd);
    request.set(ValueLayout.JAVA_LONG, IOCB_BUFFER, POLLIN_OR_POLLOUT);
    request.set(ValueLayout.JAVA_INT, IOCB_FLAGS, FLAG_EVENT_FD);
    request.set(ValueLayout.JAVA_INT, IOCB_EVENT_FD, fd);
    array.set(ValueLayout.ADDRESS, 0, request);
  }

  /** For signals to an eventfd, which stays the caller's; null if this kernel cannot do it. */
  static @Nullable AioSignal of(int fd) {
    Context context = Context.SHARED;
    return context == null ? null : new AioSignal(context, fd);
  }

  /**
   * Adds one to the counter, or leaves it if it is full.
   *
   * @param state of {@link Libc#STATE}'s layout
   */
  void signal(MemorySegment state) {
    boolean _ = trySignal(state);
  }

  private boolean trySignal(MemorySegment state) {
    // Twice suffices, but for other threads that take the room meanwhile.
    for (int i = 0; i < MOST_EVENTS; i++) {
      int result = LibcAio.submit(state, context.id, array);
      if (result != -Errno.EAGAIN) {
        return result == 1;
      }
      context.drain(state);
    }
    return false;
  }
}
