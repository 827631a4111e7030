package io.nvmedirect.linux;

import io.nvmedirect.concurrent.Clock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;

/**
 * A stream socket of the Unix domain (unix(7)) that passes descriptors: a listening one, or one end of
 * a connection. One thread at a time sends, one receives; {@link #shutdown} is for any.
 */
public final class UnixSocket implements AutoCloseable {

  /** Most descriptors that one call passes: SCM_MAX_FD of the kernel. */
  public static final int MAX_FDS = 253;

  /** What {@link #receive} and {@link #send} return if they would have to wait. */
  public static final int WOULD_BLOCK = -1;

  /** Bytes that a path may have, without the zero behind it. */
  public static final int MAX_PATH_BYTES = 107;

  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int SOL_SOCKET = 1;
  private static final int SO_SNDTIMEO = 21;
  private static final int SCM_RIGHTS = 1;
  private static final int SHUT_RDWR = 2;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_CTRUNC = 8;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;
  private static final short POLLIN = 1;
  private static final short POLLOUT = 4;
  private static final int POLLFD_BYTES = 8;
  private static final int TIMESPEC_BYTES = 16;
  private static final long NS_PER_US = 1000;
  private static final int BACKLOG = 16;

  // struct msghdr, struct iovec and struct cmsghdr of 64-bit Linux.
  private static final int MSGHDR_BYTES = 56;
  private static final int MSG_IOV = 16;
  private static final int MSG_IOVLEN = 24;
  private static final int MSG_CONTROL = 32;
  private static final int MSG_CONTROLLEN = 40;
  private static final int MSG_FLAGS = 48;
  private static final int IOVEC_BYTES = 16;
  private static final int CMSGHDR_BYTES = 16;
  private static final int CONTROL_BYTES = CMSGHDR_BYTES + MAX_FDS * Integer.BYTES + 8;

  private final String name;
  private final int fd;
  private boolean closed;

  private UnixSocket(String name, int fd) {
    this.name = name;
    this.fd = fd;
  }

  /** Takes over a connected socket that somebody has passed; {@code name} is for messages. */
  public static UnixSocket adopt(String name, int fd) {
    return new UnixSocket(name, fd);
  }

  /**
   * Connects to a listening socket, where others may be waiting to be accepted.
   *
   * @param timeoutNs until there is a place among those that wait
   * @throws LinuxException also if there was none for so long (EAGAIN)
   */
  public static UnixSocket connect(Path path, long timeoutNs) throws LinuxException {
    return open("connect to ", path, (fd, address) -> connect(fd, address, timeoutNs));
  }

  private static int connect(int fd, MemorySegment address, long timeoutNs) {
    int result = limitSending(fd, timeoutNs);
    if (result == 0) {
      do {
        result = LibcSockets.connect(fd, address);
      } while (result == -Errno.EINTR);
    }
    return result == 0 ? limitSending(fd, 0) : result;
  }

  /** How long connecting, and then sending, may wait; 0 for no limit. */
  private static int limitSending(int fd, long timeoutNs) {
    try (Arena arena = Arena.ofConfined()) {
      // struct timeval: seconds and microseconds.
      MemorySegment limit = arena.allocate(TIMESPEC_BYTES, 8);
      limit.set(ValueLayout.JAVA_LONG, 0, TimeUnit.NANOSECONDS.toSeconds(timeoutNs));
      limit.set(ValueLayout.JAVA_LONG, 8, timeoutNs % TimeUnit.SECONDS.toNanos(1) / NS_PER_US);
      return LibcSockets.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit);
    }
  }

  /** Listens at a path where no file is; who closes it deletes the file. */
  public static UnixSocket listen(Path path) throws LinuxException {
    return open(
        "listen at ",
        path,
        (fd, address) -> {
          int result = LibcSockets.bind(fd, address);
          return result < 0 ? result : LibcSockets.listen(fd, BACKLOG);
        });
  }

  private interface Opening {
    int call(int fd, MemorySegment address);
  }

  private static UnixSocket open(String what, Path path, Opening opening) throws LinuxException {
    int fd = LibcSockets.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC);
    if (fd < 0) {
      throw new LinuxException(what + path, -fd);
    }
    UnixSocket made = new UnixSocket(path.toString(), fd);
    try (Arena arena = Arena.ofConfined()) {
      int result = opening.call(fd, address(arena, path));
      if (result < 0) {
        throw new LinuxException(what + path, -result);
      }
      return made;
    } catch (LinuxException | RuntimeException e) {
      made.close();
      throw e;
    }
  }

  /** struct sockaddr_un: the family in two bytes, and the path with a zero behind it. */
  private static MemorySegment address(Arena arena, Path path) {
    byte[] bytes = path.toString().getBytes(StandardCharsets.UTF_8);
    if (bytes.length > MAX_PATH_BYTES) {
      throw new IllegalArgumentException(
          "the path of a socket has at most %d bytes, this one has %d: %s"
              .formatted(MAX_PATH_BYTES, bytes.length, path));
    }
    MemorySegment address = arena.allocate(2 + bytes.length + 1L, 8);
    address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
    MemorySegment.copy(bytes, 0, address, ValueLayout.JAVA_BYTE, 2, bytes.length);
    return address;
  }

  /** Makes two ends that are connected. */
  public static UnixSocket[] pair() throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment fds = arena.allocate(ValueLayout.JAVA_INT, 2);
      int result = LibcSockets.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, fds);
      if (result < 0) {
        throw new LinuxException("socketpair", -result);
      }
      return new UnixSocket[] {
        new UnixSocket("socketpair", fds.getAtIndex(ValueLayout.JAVA_INT, 0)),
        new UnixSocket("socketpair", fds.getAtIndex(ValueLayout.JAVA_INT, 1))
      };
    }
  }

  /** Takes a client that has connected; waits for one if there is none. */
  public UnixSocket accept() throws LinuxException {
    int result;
    do {
      result = LibcSockets.accept(fd, SOCK_CLOEXEC);
    } while (result == -Errno.EINTR);
    if (result < 0) {
      throw new LinuxException("accept at " + name, -result);
    }
    return new UnixSocket(name, result);
  }

  /**
   * Sends bytes, and descriptors with the first of them.
   *
   * @param wait until at least one byte was sent
   * @return bytes sent, maybe fewer than asked for; or {@link #WOULD_BLOCK}, and nothing has happened
   */
  public long send(MemorySegment bytes, boolean wait, int... fds) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment message = message(arena, bytes);
      if (fds.length > 0) {
        long length = CMSGHDR_BYTES + (long) fds.length * Integer.BYTES;
        MemorySegment control = arena.allocate((length + 7) & -8, 8);
        control.set(ValueLayout.JAVA_LONG, 0, length);
        control.set(ValueLayout.JAVA_INT, 8, SOL_SOCKET);
        control.set(ValueLayout.JAVA_INT, 12, SCM_RIGHTS);
        MemorySegment.copy(fds, 0, control, ValueLayout.JAVA_INT, CMSGHDR_BYTES, fds.length);
        message.set(ValueLayout.ADDRESS, MSG_CONTROL, control);
        message.set(ValueLayout.JAVA_LONG, MSG_CONTROLLEN, control.byteSize());
      }
      long sent;
      do {
        sent = LibcSockets.sendmsg(fd, message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
      } while (sent == -Errno.EINTR);
      return result("send to ", sent);
    }
  }

  /**
   * Receives bytes, and the descriptors that came with them, which are the caller's to close.
   *
   * @param wait until there is a byte
   * @return bytes received; 0 if the other side has closed; or {@link #WOULD_BLOCK}
   * @throws LinuxException also if descriptors were lost, because the process could have no more of them
   *     (EMFILE), or there were too many at once (EPROTO)
   */
  public long receive(MemorySegment into, boolean wait, ArrayDeque<Integer> fds)
      throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment message = message(arena, into);
      MemorySegment control = arena.allocate(CONTROL_BYTES, 8);
      message.set(ValueLayout.ADDRESS, MSG_CONTROL, control);
      message.set(ValueLayout.JAVA_LONG, MSG_CONTROLLEN, CONTROL_BYTES);
      long received;
      do {
        received = LibcSockets.recvmsg(fd, message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
      } while (received == -Errno.EINTR);
      if (received >= 0) {
        int before = fds.size();
        takeFds(control.asSlice(0, message.get(ValueLayout.JAVA_LONG, MSG_CONTROLLEN)), fds);
        if ((message.get(ValueLayout.JAVA_INT, MSG_FLAGS) & MSG_CTRUNC) != 0) {
          // There is room for as many as the kernel passes: fewer are those that it could not
          // install.
          int errno = fds.size() - before < MAX_FDS ? Errno.EMFILE : Errno.EPROTO;
          throw new LinuxException("receive descriptors from " + name, errno);
        }
      }
      return result("receive from ", received);
    }
  }

  private static MemorySegment message(Arena arena, MemorySegment bytes) {
    MemorySegment message = arena.allocate(MSGHDR_BYTES + (long) IOVEC_BYTES, 8);
    MemorySegment vector = message.asSlice(MSGHDR_BYTES);
    vector.set(ValueLayout.ADDRESS, 0, bytes);
    vector.set(ValueLayout.JAVA_LONG, 8, bytes.byteSize());
    message.set(ValueLayout.ADDRESS, MSG_IOV, vector);
    message.set(ValueLayout.JAVA_LONG, MSG_IOVLEN, 1);
    return message;
  }

  private static void takeFds(MemorySegment control, ArrayDeque<Integer> fds) {
    for (long at = 0; at + CMSGHDR_BYTES <= control.byteSize(); ) {
      long length = control.get(ValueLayout.JAVA_LONG, at);
      if (length < CMSGHDR_BYTES || length > control.byteSize() - at) {
        return;
      }
      if (control.get(ValueLayout.JAVA_INT, at + 8) == SOL_SOCKET
          && control.get(ValueLayout.JAVA_INT, at + 12) == SCM_RIGHTS) {
        for (long i = CMSGHDR_BYTES; i + Integer.BYTES <= length; i += Integer.BYTES) {
          fds.add(control.get(ValueLayout.JAVA_INT, at + i));
        }
      }
      at += (length + 7) & -8;
    }
  }

  private long result(String what, long result) throws LinuxException {
    if (result == -Errno.EAGAIN) {
      return WOULD_BLOCK;
    }
    if (result < 0) {
      throw new LinuxException(what + name, (int) -result);
    }
    return result;
  }

  /**
   * Waits until there is something to receive, or the other side has closed.
   *
   * @return false if the time is over
   */
  public boolean awaitReadable(long timeoutNs) throws LinuxException {
    return await(POLLIN, timeoutNs);
  }

  /**
   * Waits until there is room to send, or the other side has closed.
   *
   * @return false if the time is over
   */
  public boolean awaitWritable(long timeoutNs) throws LinuxException {
    return await(POLLOUT, timeoutNs);
  }

  private boolean await(short event, long timeoutNs) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment poll = arena.allocate(POLLFD_BYTES, 8);
      poll.set(ValueLayout.JAVA_INT, 0, fd);
      poll.set(ValueLayout.JAVA_SHORT, 4, event);
      long end = Clock.SYSTEM.nanoTime() + timeoutNs;
      while (true) {
        long left = Math.max(0, end - Clock.SYSTEM.nanoTime());
        int n = LibcSockets.ppoll(Libc.newState(arena), poll, 1, timespec(arena, left));
        if (n != -Errno.EINTR) {
          return result("wait for ", n) > 0;
        }
      }
    }
  }

  private static MemorySegment timespec(Arena arena, long ns) {
    MemorySegment timespec = arena.allocate(TIMESPEC_BYTES, 8);
    timespec.set(ValueLayout.JAVA_LONG, 0, TimeUnit.NANOSECONDS.toSeconds(ns));
    timespec.set(ValueLayout.JAVA_LONG, 8, ns % TimeUnit.SECONDS.toNanos(1));
    return timespec;
  }

  /** The descriptor; it is this socket's to close. */
  public int fd() {
    return fd;
  }

  /** Ends the connection for both sides; whoever waits here returns. */
  public synchronized void shutdown() {
    if (!closed) {
      LibcSockets.shutdown(fd, SHUT_RDWR);
    }
  }

  @Override
  public String toString() {
    return name;
  }

  /** Nobody sends or receives then. Idempotent. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      Libc.close(fd);
    }
  }
}
