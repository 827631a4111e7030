package io.nvmedirect.emulator;

/** How long commands take. Owned by the engine. */
@FunctionalInterface
public interface DeviceModel {

  /**
   * When a command that begins now completes.
   *
   * @param position of its first byte on the media; 0 for a command without blocks
   * @param lengthBytes of its blocks; 0 for a command without
   */
  long dueNs(int opcode, long position, long lengthBytes, long nowNs);
}
