package io.nvmedirect.serve;

import java.io.Serial;

/** A request that is answered with an error number; the connection goes on. */
final class BadRequestException extends Exception {

  @Serial private static final long serialVersionUID = 1L;

  private final int errno;

  /**
   * @param errno one of {@link io.nvmedirect.linux.Errno}
   * @param message what is wrong, for the log
   */
  BadRequestException(int errno, String message) {
    super(message);
    this.errno = errno;
  }

  int errno() {
    return errno;
  }
}
