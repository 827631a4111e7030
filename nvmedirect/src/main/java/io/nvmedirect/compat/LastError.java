package io.nvmedirect.compat;

import io.nvmedirect.spec.NvmeException;
import org.jspecify.annotations.Nullable;

/** Keeps the reason of a thread's last failure, since a return code cannot say it. */
final class LastError {

  private static final ThreadLocal<@Nullable NvmeException> LAST = new ThreadLocal<>();

  private LastError() {}

  static @Nullable NvmeException get() {
    return LAST.get();
  }

  /** Keeps what a call has failed with. */
  static void set(Exception failure) {
    LAST.set(
        failure instanceof NvmeException e
            ? e
            : new NvmeException(String.valueOf(failure.getMessage()), failure));
  }

  /** Keeps what a call has failed with, and gives −1. */
  static int fault(Exception failure) {
    set(failure);
    return -LibNvmed.NVMED_FAULT;
  }

  /** Keeps that there is nothing to do something with, and gives −2. */
  static int noEntry(String message) {
    LAST.set(new NvmeException(message));
    return -LibNvmed.NVMED_NOENTRY;
  }
}
