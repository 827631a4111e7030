package io.nvmedirect.emulator;

import io.nvmedirect.queue.Doorbell;

/** What drives the controller: the thread that writes a register, or a thread of its own. */
interface Engine {

  /** Hands the device a register that the host has written. */
  void registerWritten(int offset, int value);

  /** Whether the device has acted on every register that was written before this call. */
  boolean hasActed();

  /** The doorbell with an index of the doorbell page. */
  Doorbell doorbell(int index);

  /** Stops; the controller is closed when this returns. Only once. */
  void close();
}
