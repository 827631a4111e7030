package io.nvmedirect;

/** How a handle does I/O. Without any: directly, and done when the call returns. */
public enum HandleOption {
  /**
   * Through the device's block cache, at any position and of any length. On a device that was opened
   * without a cache: directly, and a part of a block by reading, changing and writing it.
   */
  BUFFERED,

  /** Buffered writes are on the device before the call returns. */
  WRITE_THROUGH,

  /**
   * Direct writes return when they are submitted. The memory must not change until {@link
   * NvmeHandle#flush}, which waits for them and reports their errors. On a confined queue writes are
   * done when the call returns all the same.
   */
  WRITE_BEHIND,

  /**
   * Synchronous operations block until the device interrupts instead of polling; needs queues with
   * {@link QueueOption#INTERRUPT}. Not together with {@link #HYBRID}; a handle with neither polls.
   */
  INTERRUPT,

  /**
   * Synchronous operations sleep for most of the time that their kind and length have taken so far,
   * then poll, and what takes much longer blocks: until the device interrupts on queues with {@link
   * QueueOption#INTERRUPT}, otherwise parking and looking. What takes less than some 20 µs is polled
   * for.
   */
  HYBRID,

  /** Direct writes survive a power cut once they are done, without a flush (FUA). */
  FORCE_UNIT_ACCESS
}
