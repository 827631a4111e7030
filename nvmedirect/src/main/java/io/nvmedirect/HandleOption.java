package io.nvmedirect;

/** How a handle does I/O. */
public enum HandleOption {
  /**
   * Synchronous operations block until the device interrupts instead of polling; needs a queue with
   * {@link QueueOption#INTERRUPT}.
   */
  INTERRUPT,

  /** Writes survive a power cut once they are done, without a flush (FUA). */
  FORCE_UNIT_ACCESS
}
