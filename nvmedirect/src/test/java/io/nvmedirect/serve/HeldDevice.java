package io.nvmedirect.serve;

import io.nvmedirect.emulator.BlockDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;

/** A device that completes nothing until it may, and tells what it was asked for. */
final class HeldDevice implements BlockDevice {

  /** What was begun: an opcode, its flags, and the number of its namespace. */
  record Command(int opcode, int flags, int namespace) {}

  private final BlockDevice device;
  private final List<Command> begun = new CopyOnWriteArrayList<>();
  private volatile BooleanSupplier mayComplete = () -> true;

  HeldDevice(BlockDevice device) {
    this.device = device;
  }

  /** Completes nothing until a condition is true, which the server's thread looks at. */
  void holdUntil(BooleanSupplier condition) {
    mayComplete = condition;
  }

  long count(int opcode) {
    return begun.stream().filter(c -> c.opcode == opcode).count();
  }

  /** The last command of a kind. */
  Command last(int opcode) {
    return begun.stream()
        .filter(c -> c.opcode == opcode)
        .reduce((before, after) -> after)
        .orElseThrow(() -> new AssertionError("there was none with opcode " + opcode));
  }

  @Override
  public int namespaces() {
    return device.namespaces();
  }

  @Override
  public long blocks(int namespace) {
    return device.blocks(namespace);
  }

  @Override
  public int blockBytes(int namespace) {
    return device.blockBytes(namespace);
  }

  @Override
  public long maxTransferBytes() {
    return device.maxTransferBytes();
  }

  @Override
  public boolean supports(int opcode) {
    return device.supports(opcode);
  }

  @Override
  public int slots() {
    return device.slots();
  }

  @Override
  public MemorySegment data(int slot) {
    return device.data(slot);
  }

  @Override
  public void begin(int slot, int opcode, int namespace, int flags, long slba, int blocks)
      throws IOException {
    device.begin(slot, opcode, namespace, flags, slba, blocks);
    begun.add(new Command(opcode, flags, namespace));
  }

  @Override
  public int poll(Listener listener) {
    return mayComplete.getAsBoolean() ? device.poll(listener) : 0;
  }

  @Override
  public int takeChanged() {
    return device.takeChanged();
  }

  @Override
  public void close() throws IOException {
    device.close();
  }
}
