package io.nvmedirect;

/** How a queue is used. */
public enum QueueOption {
  /**
   * One thread uses the queue, the first that does I/O on it, and there is no lock; another thread
   * gets an {@link IllegalStateException}. Implies {@link #MANUAL_COMPLETION}.
   */
  CONFINED,

  /**
   * No completion thread touches the queue: asynchronous operations complete in {@link
   * NvmeQueue#poll}, or while their handle closes.
   */
  MANUAL_COMPLETION,

  /**
   * The device signals completions by interrupts, for handles with {@link HandleOption#INTERRUPT} or
   * {@link HandleOption#HYBRID}.
   */
  INTERRUPT
}
