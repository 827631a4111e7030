package io.nvmedirect.cli.bench;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * The I/O of one worker, by one of the engines. Each I/O in flight has a slot, from 0 on, with a buffer of its
 * own. All calls, and the listener's, are on the worker's thread; none allocates unless the engine cannot but.
 */
interface BlockIo extends Closeable {

  /** Hears of the end of each I/O, in {@link #poll}; may begin the next one there. */
  interface Listener {

    void completed(int slot);

    void failed(int slot, IOException reason);
  }

  /** The buffer of a slot, as long as the largest I/O. */
  MemorySegment buffer(int slot);

  /**
   * Begins a read.
   *
   * @return false if there is no room for it now: nothing has happened
   */
  boolean read(int slot, int lengthBytes, long position) throws IOException;

  /** Begins a write; otherwise like {@link #read}. */
  boolean write(int slot, int lengthBytes, long position) throws IOException;

  /** Begins to make durable what was completed before; otherwise like {@link #read}. */
  boolean flush(int slot) throws IOException;

  /**
   * Shows what was begun to the device and tells the listener of what has ended.
   *
   * @param waitNs the longest time to wait if nothing has, where the engine can wait
   * @return how many have ended
   */
  int poll(long waitNs) throws IOException;
}
