package io.nvmedirect.cli.bench;

import java.io.IOException;

/** An engine whose calls return when the I/O is done: one slot, and {@link #poll} does the I/O. */
abstract class BlockingIo extends PathIo {

  private enum Next {
    NOTHING,
    READ,
    WRITE,
    FLUSH
  }

  private final Listener listener;
  private Next next = Next.NOTHING;
  private int lengthBytes;
  private long position;

  BlockingIo(int blockBytes, Listener listener) {
    super(1, blockBytes);
    this.listener = listener;
  }

  abstract void read(int lengthBytes, long position) throws IOException;

  abstract void write(int lengthBytes, long position) throws IOException;

  abstract void flush() throws IOException;

  private boolean begin(Next what, int bytes, long at) {
    next = what;
    lengthBytes = bytes;
    position = at;
    return true;
  }

  @Override
  public final boolean read(int slot, int bytes, long at) {
    return begin(Next.READ, bytes, at);
  }

  @Override
  public final boolean write(int slot, int bytes, long at) {
    return begin(Next.WRITE, bytes, at);
  }

  @Override
  public final boolean flush(int slot) {
    return begin(Next.FLUSH, 0, 0);
  }

  @Override
  public final int poll(long waitNs) {
    Next what = next;
    next = Next.NOTHING;
    try {
      switch (what) {
        case NOTHING -> {
          return 0;
        }
        case READ -> read(lengthBytes, position);
        case WRITE -> write(lengthBytes, position);
        case FLUSH -> flush();
      }
    } catch (IOException e) {
      listener.failed(0, e);
      return 1;
    }
    listener.completed(0);
    return 1;
  }
}
