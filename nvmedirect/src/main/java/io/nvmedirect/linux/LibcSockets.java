package io.nvmedirect.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The C library's functions for sockets and memory that processes share; see {@link Libc}. */
final class LibcSockets {

  private static final MethodHandle SOCKET =
      Libc.call("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SOCKETPAIR =
      Libc.call(
          "socketpair", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle BIND =
      Libc.call("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle CONNECT =
      Libc.call("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle LISTEN =
      Libc.call("listen", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle ACCEPT4 =
      Libc.call("accept4", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
  private static final MethodHandle SHUTDOWN =
      Libc.call("shutdown", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SETSOCKOPT =
      Libc.call(
          "setsockopt",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SENDMSG =
      Libc.call("sendmsg", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle RECVMSG =
      Libc.call("recvmsg", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle PPOLL =
      Libc.call("ppoll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));
  private static final MethodHandle MEMFD_CREATE =
      Libc.call("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

  private LibcSockets() {}

  static int socket(int domain, int type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result((int) SOCKET.invokeExact(state, domain, type, 0), state);
    } catch (Throwable e) {
      throw Libc.unexpected("socket", e);
    }
  }

  static int socketpair(int domain, int type, MemorySegment pair) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result((int) SOCKETPAIR.invokeExact(state, domain, type, 0, pair), state);
    } catch (Throwable e) {
      throw Libc.unexpected("socketpair", e);
    }
  }

  static int bind(int fd, MemorySegment address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      int length = (int) address.byteSize();
      return Libc.result((int) BIND.invokeExact(state, fd, address, length), state);
    } catch (Throwable e) {
      throw Libc.unexpected("bind", e);
    }
  }

  static int connect(int fd, MemorySegment address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      int length = (int) address.byteSize();
      return Libc.result((int) CONNECT.invokeExact(state, fd, address, length), state);
    } catch (Throwable e) {
      throw Libc.unexpected("connect", e);
    }
  }

  static int listen(int fd, int backlog) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result((int) LISTEN.invokeExact(state, fd, backlog), state);
    } catch (Throwable e) {
      throw Libc.unexpected("listen", e);
    }
  }

  /** Without the peer's address: a client's socket has none. */
  static int accept(int fd, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result(
          (int) ACCEPT4.invokeExact(state, fd, MemorySegment.NULL, MemorySegment.NULL, flags),
          state);
    } catch (Throwable e) {
      throw Libc.unexpected("accept4", e);
    }
  }

  static int shutdown(int fd, int how) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result((int) SHUTDOWN.invokeExact(state, fd, how), state);
    } catch (Throwable e) {
      throw Libc.unexpected("shutdown", e);
    }
  }

  static int setsockopt(int fd, int level, int option, MemorySegment value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      int length = (int) value.byteSize();
      return Libc.result(
          (int) SETSOCKOPT.invokeExact(state, fd, level, option, value, length), state);
    } catch (Throwable e) {
      throw Libc.unexpected("setsockopt", e);
    }
  }

  static long sendmsg(int fd, MemorySegment message, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result((long) SENDMSG.invokeExact(state, fd, message, flags), state);
    } catch (Throwable e) {
      throw Libc.unexpected("sendmsg", e);
    }
  }

  static long recvmsg(int fd, MemorySegment message, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result((long) RECVMSG.invokeExact(state, fd, message, flags), state);
    } catch (Throwable e) {
      throw Libc.unexpected("recvmsg", e);
    }
  }

  /** {@code state} has {@link Libc#STATE}'s layout; the caller keeps it, so that nothing is allocated. */
  static int ppoll(MemorySegment state, MemorySegment fds, long count, MemorySegment timeout) {
    try {
      return Libc.result(
          (int) PPOLL.invokeExact(state, fds, count, timeout, MemorySegment.NULL), state);
    } catch (Throwable e) {
      throw Libc.unexpected("ppoll", e);
    }
  }

  static int memfdCreate(String name, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Libc.STATE);
      return Libc.result(
          (int) MEMFD_CREATE.invokeExact(state, arena.allocateFrom(name), flags), state);
    } catch (Throwable e) {
      throw Libc.unexpected("memfd_create", e);
    }
  }
}
