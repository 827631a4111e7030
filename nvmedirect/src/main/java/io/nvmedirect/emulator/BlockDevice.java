package io.nvmedirect.emulator;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Another device that has the blocks of a {@link Subsystem}: commands go there and complete later.
 * Belongs to the subsystem's thread.
 */
public interface BlockDevice {

  /** Told of commands that have completed, by {@link #poll}. */
  interface Listener {

    /**
     * A command has ended.
     *
     * @param slot of the command; it is free again
     * @param status 0, or the status of NVMe
     */
    void completed(int slot, int status);
  }

  /** Namespaces, which are numbered from 1 on. */
  int namespaces();

  /** Blocks of a namespace. */
  long blocks(int namespace);

  /** Bytes of its blocks. */
  int blockBytes(int namespace);

  /** Most bytes of one command, at least 4096. */
  long maxTransferBytes();

  /** Whether it has a command of the NVM command set: {@link io.nvmedirect.spec.Opcode}. */
  boolean supports(int opcode);

  /** Commands that it takes at a time; each has a number from 0 on. */
  int slots();

  /** The memory for the data of a slot's command, {@link #maxTransferBytes} of it. */
  MemorySegment data(int slot);

  /**
   * Begins a command on a free slot. Its data is in, or goes to, the memory of the slot.
   *
   * @param flags FUA, or 0
   * @param blocks of it; for Dataset Management, the number of ranges
   * @throws IOException if the device has failed
   */
  void begin(int slot, int opcode, int namespace, int flags, long slba, int blocks)
      throws IOException;

  /**
   * Shows what was begun to the device and takes what has completed.
   *
   * @return how many commands that were
   */
  int poll(Listener listener);

  /**
   * Takes a namespace that somebody else has changed since this was last asked: its blocks and their size
   * are the new ones from now on.
   *
   * @return its number; 0 if there is none
   */
  int takeChanged();

  /** Waits for what was begun, and lets go of the device. Idempotent. */
  void close() throws IOException;
}
