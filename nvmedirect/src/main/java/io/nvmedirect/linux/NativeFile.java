package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * A file descriptor with positional I/O on native memory. Unlike {@code FileChannel} it does not
 * close itself when a thread in the midst of I/O is interrupted, needs no {@code ByteBuffer} per call
 * and can punch holes. Any thread may use it; {@link #close} waits for nobody, so its owner sees to
 * it that nobody does I/O then.
 */
public final class NativeFile implements AutoCloseable {

  private static final int O_RDONLY = 0;
  private static final int O_RDWR = 2;
  private static final int O_CREAT = 0x40;
  private static final int O_EXCL = 0x80;
  private static final int O_NONBLOCK = 0x800;
  private static final int O_CLOEXEC = 0x80000;
  private static final int SEEK_END = 2;
  private static final long BLKSSZGET = 0x1268;
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int FALLOC_FL_ZERO_RANGE = 0x10;
  private static final int F_OFD_SETLK = 37;
  private static final short F_WRLCK = 1;
  private static final long FLOCK_BYTES = 32;
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int F_ADD_SEALS = 1033;
  private static final int F_SEAL_SHRINK = 2;
  private static final int F_SEAL_GROW = 4;

  /** Where a call leaves errno; one per thread, so that nothing is allocated per I/O. */
  private static final ThreadLocal<MemorySegment> STATE =
      ThreadLocal.withInitial(() -> Libc.newState(Arena.ofAuto()));

  private final Path path;
  private final int fd;
  private boolean closed;

  private NativeFile(Path path, int fd) {
    this.path = path;
    this.fd = fd;
  }

  /** Opens a file that exists, for reading and writing. */
  public static NativeFile open(Path path) throws LinuxException {
    return open(path, O_RDWR | O_CLOEXEC);
  }

  /** Opens a file that exists, for reading. */
  public static NativeFile openToRead(Path path) throws LinuxException {
    // So that a pipe that nobody writes to is not waited for.
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  }

  /** Creates a file that must not exist. */
  public static NativeFile create(Path path) throws LinuxException {
    return open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL);
  }

  /** Takes over a descriptor that another call has returned, such as an ioctl; {@code path} names it. */
  public static NativeFile adopt(Path path, int fd) {
    return new NativeFile(path, fd);
  }

  /**
   * Makes a file in memory that has no name in a file system (memfd_create(2)), for sharing with other
   * processes by its descriptor. Its size is fixed, so that nobody who has it mapped loses pages.
   *
   * @param name for the lists of a process's files and mappings
   */
  public static NativeFile inMemory(String name, long lengthBytes) throws LinuxException {
    int fd = LibcSockets.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
      throw new LinuxException("memfd_create " + name, -fd);
    }
    NativeFile file = new NativeFile(Path.of("memfd:" + name), fd);
    try {
      file.truncate(lengthBytes);
      file.check(file.seal(F_SEAL_SHRINK | F_SEAL_GROW), "seal");
      return file;
    } catch (LinuxException e) {
      file.close();
      throw e;
    }
  }

  /**
   * Sees to it that a file in memory never gets shorter, so that what is mapped of it stays.
   *
   * @return false if it is no such file, or forbids seals
   */
  public boolean keepFromShrinking() {
    return seal(F_SEAL_SHRINK) == 0;
  }

  private int seal(int seals) {
    return Libc.fcntl(fd, F_ADD_SEALS, MemorySegment.ofAddress(seals));
  }

  /**
   * Opens a block device for reading, for as long as nobody else claims it: not if it is mounted, swap,
   * part of another device or opened so by another process (EBUSY).
   */
  public static NativeFile openExclusively(Path blockDevice) throws LinuxException {
    return open(blockDevice, O_RDONLY | O_CLOEXEC | O_EXCL);
  }

  /** Like {@link #openExclusively}, for reading and writing. */
  public static NativeFile openToWriteExclusively(Path blockDevice) throws LinuxException {
    return open(blockDevice, O_RDWR | O_CLOEXEC | O_EXCL);
  }

  private static NativeFile open(Path path, int flags) throws LinuxException {
    int fd = Libc.open(path.toString(), flags, 0644);
    if (fd < 0) {
      throw new LinuxException("open " + path, -fd);
    }
    return new NativeFile(path, fd);
  }

  /**
   * Locks the whole file for this open file description (F_OFD_SETLK), against other opens in this
   * and other processes, and against {@code FileChannel.lock}.
   *
   * @return whether it was free
   */
  public boolean tryLock() throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      // struct flock: l_type, l_whence, l_start at 8, l_len at 16 (0: to the end), l_pid at 24 (0).
      MemorySegment lock = arena.allocate(FLOCK_BYTES, 8);
      lock.set(ValueLayout.JAVA_SHORT, 0, F_WRLCK);
      int result = Libc.fcntl(fd, F_OFD_SETLK, lock);
      if (result == -Errno.EAGAIN || result == -Errno.EACCES) {
        return false;
      }
      check(result, "lock");
      return true;
    }
  }

  public long size() throws LinuxException {
    return check(Libc.lseek(fd, 0, SEEK_END), "size");
  }

  /** Sets the size; new bytes read as zeroes and take up no space. */
  public void truncate(long sizeBytes) throws LinuxException {
    check(Libc.ftruncate(fd, sizeBytes), "truncate to " + sizeBytes + " bytes");
  }

  /**
   * Reads until {@code to} is full or the file ends.
   *
   * @param to native memory
   * @return bytes read, less than {@code to} has only at the end of the file
   */
  public long read(MemorySegment to, long position) throws LinuxException {
    MemorySegment state = STATE.get();
    long length = to.byteSize();
    long done = 0;
    while (done < length) {
      MemorySegment rest = done == 0 ? to : to.asSlice(done);
      long n = Libc.pread(state, fd, rest, length - done, position + done);
      if (n == 0) {
        break;
      }
      if (n != -Errno.EINTR) {
        done += check(n, "read", length, position);
      }
    }
    return done;
  }

  /** Writes all of {@code from}, native memory, or fails. */
  public void write(MemorySegment from, long position) throws LinuxException {
    MemorySegment state = STATE.get();
    long length = from.byteSize();
    long done = 0;
    while (done < length) {
      MemorySegment rest = done == 0 ? from : from.asSlice(done);
      long n = Libc.pwrite(state, fd, rest, length - done, position + done);
      if (n != -Errno.EINTR) {
        done += check(n, "write", length, position);
      }
    }
  }

  /** fdatasync(2): what was written before is on the medium when this returns. */
  public void force() throws LinuxException {
    checkForce(tryForce());
  }

  /** Throws if the result of {@link #tryForce} is an error. */
  public void checkForce(int result) throws LinuxException {
    check(result, "fdatasync");
  }

  /**
   * Like {@link #force}.
   *
   * @return 0, or the negated errno: it is known then, whatever cannot be allocated afterwards
   */
  public int tryForce() {
    int result;
    do {
      result = Libc.fdatasync(fd);
    } while (result == -Errno.EINTR);
    return result;
  }

  /** {@link #punchHole} takes multiples of it: the logical block of a block device, any byte of a file. */
  public int holeBytes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(ValueLayout.JAVA_INT);
      return tryIoctl(BLKSSZGET, bytes) < 0 ? 1 : bytes.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /**
   * Makes a range read as zeroes, giving its space back where the file system can.
   *
   * @return false if the file system can neither punch holes nor zero ranges: nothing has changed
   */
  public boolean punchHole(long position, long lengthBytes) throws LinuxException {
    return allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, position, lengthBytes, "punch hole")
        || allocate(
            FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, position, lengthBytes, "zero range");
  }

  private boolean allocate(int mode, long position, long lengthBytes, String what)
      throws LinuxException {
    int result;
    do {
      result = Libc.fallocate(fd, mode, position, lengthBytes);
    } while (result == -Errno.EINTR);
    if (result == -Errno.EOPNOTSUPP || result == -Errno.ENOSYS) {
      return false;
    }
    check(result, what, lengthBytes, position);
    return true;
  }

  /**
   * ioctl(2) with a pointer.
   *
   * @return what the call returned, not negative
   */
  public int ioctl(String what, long request, MemorySegment argument) throws LinuxException {
    return (int) check(tryIoctl(request, argument), what);
  }

  /** ioctl(2) with a number. */
  public int ioctl(String what, long request, long argument) throws LinuxException {
    return ioctl(what, request, MemorySegment.ofAddress(argument));
  }

  /** Like {@link #ioctl}, but returns {@code -errno} instead of throwing. */
  public int tryIoctl(long request, MemorySegment argument) {
    return Libc.ioctl(fd, request, argument);
  }

  /** The descriptor; it is this file's to close. */
  public int fd() {
    return fd;
  }

  @Override
  public String toString() {
    return path.toString();
  }

  /** Closes the descriptor, and with it the lock. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      // Linux frees the descriptor whatever close returns; written data is checked by force().
      Libc.close(fd);
    }
  }

  private long check(long result, String what) throws LinuxException {
    if (result < 0) {
      throw new LinuxException(what + " " + path, (int) -result);
    }
    return result;
  }

  private long check(long result, String what, long length, long position) throws LinuxException {
    return result >= 0
        ? result
        : check(result, "%s of %d bytes at offset %d of".formatted(what, length, position));
  }
}
