package io.nvmedirect.spec;

import java.io.IOException;
import java.io.Serial;

/**
 * An operation on an NVMe device that failed: either a command that the controller completed with an
 * error {@link Status}, or something outside of any command (an address that cannot be opened, a
 * controller that does not become ready), which has no status.
 */
public final class NvmeException extends IOException {

  @Serial private static final long serialVersionUID = 1L;

  private static final int NO_STATUS = -1;

  private final int status;

  /** A failure outside of any command. */
  public NvmeException(String message) {
    super(message);
    this.status = NO_STATUS;
  }

  /** A failure outside of any command, with what caused it. */
  public NvmeException(String message, Throwable cause) {
    super(message, cause);
    this.status = NO_STATUS;
  }

  /**
   * A command that failed.
   *
   * @param what the command and its arguments, with values
   * @param status the status field, not 0
   */
  public NvmeException(String what, int status) {
    super(what + ": " + Status.describe(status));
    this.status = status;
  }

  /** Whether a command's completion gave this error, so that the methods below mean something. */
  public boolean hasStatus() {
    return status != NO_STATUS;
  }

  /** The 15-bit status field; −1 if there is none. */
  public int status() {
    return status;
  }

  /** SCT: 0 generic, 1 command specific, 2 media, 3 path; −1 if there is no status. */
  public int statusCodeType() {
    return hasStatus() ? Status.codeType(status) : NO_STATUS;
  }

  /** SC, 0 to 255; −1 if there is no status. */
  public int statusCode() {
    return hasStatus() ? Status.code(status) : NO_STATUS;
  }

  /** The specification's name of the status; empty if there is none. */
  public String statusName() {
    return hasStatus() ? Status.name(status) : "";
  }

  /** Whether the controller says that the same command would fail again. */
  public boolean doNotRetry() {
    return hasStatus() && Status.doNotRetry(status);
  }
}
