package io.nvmedirect.emulator;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** A device that completes as many commands as a test says, in order. */
final class StalledDevice implements BlockDevice {

  static final int SLOTS = 4;

  private final MemorySegment data = Arena.ofAuto().allocate(4096, 4096);
  private final Deque<Integer> begun = new ArrayDeque<>();
  final int[] counts = new int[256];
  int mayComplete;

  /** Thrown by the next command. */
  @Nullable Error next;

  @Override
  public int namespaces() {
    return 2;
  }

  @Override
  public long blocks(int namespace) {
    return 1024;
  }

  @Override
  public int blockBytes(int namespace) {
    return 512;
  }

  @Override
  public long maxTransferBytes() {
    return 4096;
  }

  @Override
  public boolean supports(int opcode) {
    return true;
  }

  @Override
  public int slots() {
    return SLOTS;
  }

  @Override
  public MemorySegment data(int slot) {
    return data;
  }

  @Override
  public void begin(int slot, int opcode, int namespace, int flags, long slba, int blocks) {
    Error thrown = next;
    if (thrown != null) {
      next = null;
      throw thrown;
    }
    begun.add(slot);
    counts[opcode]++;
  }

  @Override
  public int poll(Listener listener) {
    int done = 0;
    while (mayComplete > 0 && !begun.isEmpty()) {
      mayComplete--;
      done++;
      listener.completed(begun.remove(), 0);
    }
    return done;
  }

  @Override
  public int takeChanged() {
    return 0;
  }

  int inFlight() {
    return begun.size();
  }

  int total() {
    return Arrays.stream(counts).sum();
  }

  @Override
  public void close() {}
}
