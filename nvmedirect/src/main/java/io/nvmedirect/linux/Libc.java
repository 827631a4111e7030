package io.nvmedirect.linux;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The C library's functions. Every method returns what the call returns, or {@code -errno} if it
 * failed, so that callers make the message: they know what was tried.
 */
final class Libc {

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO_VALUE =
      STATE.varHandle(groupElement("errno")).withInvokeExactBehavior();

  private static final MethodHandle MMAP =
      call(
          "mmap",
          FunctionDescriptor.of(
              ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      call("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle MADVISE =
      call("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle PRCTL =
      variadic("prctl", 1, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));

  /** Linking a function takes milliseconds in a young JVM: a device in memory does without these. */
  private static final class OfFiles {
    static final MethodHandle OPEN =
        variadic("open", 2, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    static final MethodHandle CLOSE = call("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    static final MethodHandle PREAD =
        call("pread", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
    static final MethodHandle PWRITE =
        call("pwrite", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
    static final MethodHandle FDATASYNC =
        call("fdatasync", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    static final MethodHandle FTRUNCATE =
        call("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
    static final MethodHandle FALLOCATE =
        call(
            "fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
    static final MethodHandle LSEEK =
        call("lseek", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
    static final MethodHandle FCNTL =
        variadic("fcntl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
  }

  /** For a look at the whole machine, likewise. */
  private static final class OfStatus {
    static final MethodHandle STATX =
        call(
            "statx",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
  }

  /** For PCIe devices and interrupts, likewise. */
  private static final class OfDevices {
    static final MethodHandle IOCTL =
        variadic("ioctl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
    static final MethodHandle EVENTFD =
        call("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    static final MethodHandle WRITE =
        call("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    static final MethodHandle READ =
        call("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    static final MethodHandle EPOLL_CREATE1 =
        call("epoll_create1", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    static final MethodHandle EPOLL_CTL =
        call("epoll_ctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
    static final MethodHandle EPOLL_WAIT =
        call("epoll_wait", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    static final MethodHandle SYSCONF = call("sysconf", FunctionDescriptor.of(JAVA_LONG, JAVA_INT));
    static final MethodHandle GETRLIMIT =
        call("getrlimit", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
  }

  private Libc() {}

  static MethodHandle call(String name, FunctionDescriptor descriptor) {
    return bind(name, descriptor, ERRNO);
  }

  static MethodHandle variadic(String name, int firstVariadic, FunctionDescriptor descriptor) {
    return bind(name, descriptor, ERRNO, Linker.Option.firstVariadicArg(firstVariadic));
  }

  @SuppressWarnings("restricted") // the module has native access
  private static MethodHandle bind(
      String name, FunctionDescriptor descriptor, Linker.Option... options) {
    MemorySegment function =
        LINKER
            .defaultLookup()
            .find(name)
            .orElseThrow(() -> new UnsatisfiedLinkError("the C library has no function " + name));
    return LINKER.downcallHandle(function, descriptor, options);
  }

  static int open(String path, int flags, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result(
          (int) OfFiles.OPEN.invokeExact(state, arena.allocateFrom(path), flags, mode), state);
    } catch (Throwable e) {
      throw unexpected("open", e);
    }
  }

  static int statx(int directory, MemorySegment path, int flags, int mask, MemorySegment status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result(
          (int) OfStatus.STATX.invokeExact(state, directory, path, flags, mask, status), state);
    } catch (Throwable e) {
      throw unexpected("statx", e);
    }
  }

  static int close(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfFiles.CLOSE.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected("close", e);
    }
  }

  /** {@code state} has {@link #STATE}'s layout; the caller keeps it, so that nothing is allocated. */
  static long pread(MemorySegment state, int fd, MemorySegment to, long length, long offset) {
    try {
      return result((long) OfFiles.PREAD.invokeExact(state, fd, to, length, offset), state);
    } catch (Throwable e) {
      throw unexpected("pread", e);
    }
  }

  /** {@code state} has {@link #STATE}'s layout; the caller keeps it, so that nothing is allocated. */
  static long pwrite(MemorySegment state, int fd, MemorySegment from, long length, long offset) {
    try {
      return result((long) OfFiles.PWRITE.invokeExact(state, fd, from, length, offset), state);
    } catch (Throwable e) {
      throw unexpected("pwrite", e);
    }
  }

  static MemorySegment newState(Arena arena) {
    return arena.allocate(STATE);
  }

  static int fdatasync(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfFiles.FDATASYNC.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected("fdatasync", e);
    }
  }

  static int ftruncate(int fd, long length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfFiles.FTRUNCATE.invokeExact(state, fd, length), state);
    } catch (Throwable e) {
      throw unexpected("ftruncate", e);
    }
  }

  static int fallocate(int fd, int mode, long offset, long length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfFiles.FALLOCATE.invokeExact(state, fd, mode, offset, length), state);
    } catch (Throwable e) {
      throw unexpected("fallocate", e);
    }
  }

  static long lseek(int fd, long offset, int whence) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((long) OfFiles.LSEEK.invokeExact(state, fd, offset, whence), state);
    } catch (Throwable e) {
      throw unexpected("lseek", e);
    }
  }

  static int fcntl(int fd, int command, MemorySegment argument) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfFiles.FCNTL.invokeExact(state, fd, command, argument), state);
    } catch (Throwable e) {
      throw unexpected("fcntl", e);
    }
  }

  /** The address, or {@code -errno}: no address of user space is that high. */
  static long mmap(long length, int protection, int flags, int fd, long offset) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      MemorySegment address =
          (MemorySegment)
              MMAP.invokeExact(state, MemorySegment.NULL, length, protection, flags, fd, offset);
      return result(address.address(), state);
    } catch (Throwable e) {
      throw unexpected("mmap", e);
    }
  }

  static int munmap(MemorySegment address, long length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) MUNMAP.invokeExact(state, address, length), state);
    } catch (Throwable e) {
      throw unexpected("munmap", e);
    }
  }

  static int madvise(MemorySegment address, long length, int advice) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) MADVISE.invokeExact(state, address, length, advice), state);
    } catch (Throwable e) {
      throw unexpected("madvise", e);
    }
  }

  /** The argument is a pointer, or a number in the form of one. */
  static int ioctl(int fd, long request, MemorySegment argument) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfDevices.IOCTL.invokeExact(state, fd, request, argument), state);
    } catch (Throwable e) {
      throw unexpected("ioctl", e);
    }
  }

  static int eventfd(int initial, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfDevices.EVENTFD.invokeExact(state, initial, flags), state);
    } catch (Throwable e) {
      throw unexpected("eventfd", e);
    }
  }

  /** {@code state} has {@link #STATE}'s layout; the caller keeps it, so that nothing is allocated. */
  static long write(MemorySegment state, int fd, MemorySegment from, long length) {
    try {
      return result((long) OfDevices.WRITE.invokeExact(state, fd, from, length), state);
    } catch (Throwable e) {
      throw unexpected("write", e);
    }
  }

  static long read(MemorySegment state, int fd, MemorySegment to, long length) {
    try {
      return result((long) OfDevices.READ.invokeExact(state, fd, to, length), state);
    } catch (Throwable e) {
      throw unexpected("read", e);
    }
  }

  static int epollCreate(int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfDevices.EPOLL_CREATE1.invokeExact(state, flags), state);
    } catch (Throwable e) {
      throw unexpected("epoll_create1", e);
    }
  }

  static int epollCtl(int epoll, int operation, int fd, MemorySegment event) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result(
          (int) OfDevices.EPOLL_CTL.invokeExact(state, epoll, operation, fd, event), state);
    } catch (Throwable e) {
      throw unexpected("epoll_ctl", e);
    }
  }

  /** {@code state} has {@link #STATE}'s layout; the caller keeps it, so that nothing is allocated. */
  static int epollWait(MemorySegment state, int epoll, MemorySegment events, int max, int ms) {
    try {
      return result((int) OfDevices.EPOLL_WAIT.invokeExact(state, epoll, events, max, ms), state);
    } catch (Throwable e) {
      throw unexpected("epoll_wait", e);
    }
  }

  static long sysconf(int name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((long) OfDevices.SYSCONF.invokeExact(state, name), state);
    } catch (Throwable e) {
      throw unexpected("sysconf", e);
    }
  }

  static int getrlimit(int resource, MemorySegment limits) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return result((int) OfDevices.GETRLIMIT.invokeExact(state, resource, limits), state);
    } catch (Throwable e) {
      throw unexpected("getrlimit", e);
    }
  }

  /** {@code state} has {@link #STATE}'s layout; the caller keeps it, so that nothing is allocated. */
  static int prctl(MemorySegment state, int operation, long argument) {
    try {
      return result((int) PRCTL.invokeExact(state, operation, argument), state);
    } catch (Throwable e) {
      throw unexpected("prctl", e);
    }
  }

  static int result(int returned, MemorySegment state) {
    return returned == -1 ? -(int) ERRNO_VALUE.get(state, 0L) : returned;
  }

  static long result(long returned, MemorySegment state) {
    return returned == -1 ? -(int) ERRNO_VALUE.get(state, 0L) : returned;
  }

  /** Passes on what the arguments were guilty of (a closed segment); anything else is a bug here. */
  static RuntimeException unexpected(String call, Throwable thrown) {
    if (thrown instanceof RuntimeException e) {
      return e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
    return new IllegalStateException(call, thrown);
  }
}
