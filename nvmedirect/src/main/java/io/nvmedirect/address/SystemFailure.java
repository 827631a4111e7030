package io.nvmedirect.address;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;

/** Failures of system calls, which know nothing of devices: of which device they are. */
public final class SystemFailure {

  private SystemFailure() {}

  /**
   * Names the address, unless the failure has another origin or its message does so already.
   *
   * @return what is to be thrown
   */
  public static IOException of(String address, IOException failure) {
    String message = String.valueOf(failure.getMessage());
    return failure instanceof LinuxException && !message.contains(address)
        ? new NvmeException(address + ": " + message, failure)
        : failure;
  }
}
