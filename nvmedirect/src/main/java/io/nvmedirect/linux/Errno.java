package io.nvmedirect.linux;

/** Error numbers of Linux that the library meets, for messages and decisions. */
public final class Errno {

  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int ENXIO = 6;
  public static final int E2BIG = 7;
  public static final int EBADF = 9;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int EFAULT = 14;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int ENODEV = 19;
  public static final int ENOTDIR = 20;
  public static final int EISDIR = 21;
  public static final int EINVAL = 22;
  public static final int ENFILE = 23;
  public static final int EMFILE = 24;
  public static final int ENOTTY = 25;
  public static final int EFBIG = 27;
  public static final int ENOSPC = 28;
  public static final int EROFS = 30;
  public static final int EPIPE = 32;
  public static final int ENOSYS = 38;
  public static final int EPROTO = 71;
  public static final int EOPNOTSUPP = 95;
  public static final int EADDRINUSE = 98;
  public static final int ECONNRESET = 104;
  public static final int ECONNREFUSED = 111;
  public static final int EDQUOT = 122;

  private Errno() {}

  /** Whether neither this process nor the machine had a descriptor left. */
  public static boolean isOutOfFiles(int errno) {
    return errno == EMFILE || errno == ENFILE;
  }

  /**
   * Name and meaning: {@code ENOSPC (no space left on device)}; of a limit that somebody has to raise, its
   * value too.
   */
  public static String describe(int errno) {
    return switch (errno) {
      case EPERM -> "EPERM (operation not permitted)";
      case ENOENT -> "ENOENT (no such file or directory)";
      case EINTR -> "EINTR (interrupted system call)";
      case EIO -> "EIO (input/output error)";
      case ENXIO -> "ENXIO (no such device or address)";
      case E2BIG -> "E2BIG (argument list too long)";
      case EBADF -> "EBADF (bad file descriptor)";
      case EAGAIN -> "EAGAIN (resource temporarily unavailable)";
      case ENOMEM -> "ENOMEM (out of memory)";
      case EACCES -> "EACCES (permission denied)";
      case EFAULT -> "EFAULT (bad address)";
      case EBUSY -> "EBUSY (device or resource busy)";
      case EEXIST -> "EEXIST (file exists)";
      case ENODEV -> "ENODEV (no such device)";
      case ENOTDIR -> "ENOTDIR (not a directory)";
      case EISDIR -> "EISDIR (is a directory)";
      case EINVAL -> "EINVAL (invalid argument)";
      case ENFILE -> "ENFILE (the machine has no descriptor left: see /proc/sys/fs/file-max)";
      case EMFILE ->
          "EMFILE (this process has no descriptor left: ulimit -n is %s; raise it)"
              .formatted(ResourceLimit.openFiles());
      case ENOTTY -> "ENOTTY (inappropriate ioctl for device)";
      case EFBIG -> "EFBIG (file too large)";
      case ENOSPC -> "ENOSPC (no space left on device)";
      case EROFS -> "EROFS (read-only file system)";
      case EPIPE -> "EPIPE (broken pipe)";
      case ENOSYS -> "ENOSYS (function not implemented)";
      case EPROTO -> "EPROTO (protocol error)";
      case EOPNOTSUPP -> "EOPNOTSUPP (operation not supported)";
      case EADDRINUSE -> "EADDRINUSE (address already in use)";
      case ECONNRESET -> "ECONNRESET (connection reset by peer)";
      case ECONNREFUSED -> "ECONNREFUSED (connection refused)";
      case EDQUOT -> "EDQUOT (disk quota exceeded)";
      default -> "errno " + errno;
    };
  }
}
