package io.nvmedirect.vmtest.machine;

import java.io.Serial;

/** There can be no virtual machine on this host; the message says why and what would mend it. */
public final class VirtualMachineMissing extends Exception {

  @Serial private static final long serialVersionUID = 1;

  VirtualMachineMissing(String message) {
    super(message);
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
