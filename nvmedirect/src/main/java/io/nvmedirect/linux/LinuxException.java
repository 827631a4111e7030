package io.nvmedirect.linux;

import java.io.IOException;
import java.io.Serial;

/** A system call that failed: what was tried, and errno. */
public final class LinuxException extends IOException {

  @Serial private static final long serialVersionUID = 1L;

  private final int errno;

  LinuxException(String what, int errno) {
    super(what + ": " + Errno.describe(errno));
    this.errno = errno;
  }

  /** One of {@link Errno}, or another number of errno(3). */
  public int errno() {
    return errno;
  }
}
