package io.nvmedirect.cli.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An engine that does nothing: what an I/O takes with it is the cost of the tool itself. */
final class NullIo implements BlockIo {

  private final Listener listener;
  private final MemorySegment buffer;
  private final int[] begun;
  private final int[] ended;
  private int count;

  NullIo(int depth, int blockBytes, Listener listener) {
    this.listener = listener;
    this.buffer = Arena.ofAuto().allocate(blockBytes);
    this.begun = new int[depth];
    this.ended = new int[depth];
  }

  private boolean begin(int slot) {
    begun[count++] = slot;
    return true;
  }

  @Override
  public MemorySegment buffer(int slot) {
    return buffer;
  }

  @Override
  public boolean read(int slot, int lengthBytes, long position) {
    return begin(slot);
  }

  @Override
  public boolean write(int slot, int lengthBytes, long position) {
    return begin(slot);
  }

  @Override
  public boolean flush(int slot) {
    return begin(slot);
  }

  @Override
  public int poll(long waitNs) {
    int n = count;
    System.arraycopy(begun, 0, ended, 0, n);
    count = 0;
    for (int i = 0; i < n; i++) {
      listener.completed(ended[i]);
    }
    return n;
  }

  @Override
  public void close() {}
}
