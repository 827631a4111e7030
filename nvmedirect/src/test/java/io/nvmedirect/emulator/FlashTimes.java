package io.nvmedirect.emulator;

/** The latencies of {@code model=flash}, for a simulation in virtual time that begins at 0. */
public final class FlashTimes {

  private final FlashModel model = new FlashModel(0);

  /** When a command completes that the device begins at a time. */
  public long dueNs(int opcode, long position, long lengthBytes, long nowNs) {
    return model.dueNs(opcode, position, lengthBytes, nowNs);
  }
}
