package io.nvmedirect.vmtest.guest;

import io.nvmedirect.queue.ForwardingFunction;
import io.nvmedirect.queue.PciFunction;
import io.nvmedirect.spec.Register;
import java.io.IOException;

/**
 * A function whose controller reports a fatal error and stays enabled, whatever is written to CC, from when it
 * is told to until the function is reset. One thread uses it.
 */
final class DisobedientFunction extends ForwardingFunction {

  /** CAP.TO in bits 31:24, in units of 500 ms: so that not obeying takes no longer to be seen. */
  private static final long TIMEOUT_MASK = 0xffL << 24;

  private static final long SHORTEST_TIMEOUT = 1L << 24;

  private boolean disobeys;
  private int resets;
  private int statusAfterReset;

  DisobedientFunction(PciFunction function) {
    super(function);
  }

  void disobey() {
    disobeys = true;
  }

  /** How often the function itself did a reset. */
  int resets() {
    return resets;
  }

  /** CSTS, before anybody has written a register. */
  int statusAfterReset() {
    return statusAfterReset;
  }

  @Override
  public long read64(int offset) throws IOException {
    long value = super.read64(offset);
    return offset == Register.CAP ? (value & ~TIMEOUT_MASK) | SHORTEST_TIMEOUT : value;
  }

  @Override
  public int read32(int offset) throws IOException {
    int value = super.read32(offset);
    return disobeys && offset == Register.CSTS ? value | Register.CSTS_FATAL : value;
  }

  @Override
  public void write32(int offset, int value) throws IOException {
    if (!disobeys || offset != Register.CC) {
      super.write32(offset, value);
    }
  }

  @Override
  public boolean reset() throws IOException {
    boolean done = super.reset();
    disobeys &= !done;
    resets += done ? 1 : 0;
    statusAfterReset = super.read32(Register.CSTS);
    return done;
  }
}
