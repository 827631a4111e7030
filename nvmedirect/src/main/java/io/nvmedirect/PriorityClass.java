package io.nvmedirect;

/**
 * How urgent the I/O of a handle is, compared with that of the other handles of its queue: see {@link
 * NvmeHandle#schedule}. A class goes before those that follow it, but a lower one that waits always has
 * a command in flight.
 */
public enum PriorityClass {

  /**
   * Somebody waits for each operation. Its commands are not held back, and while there are some, those
   * of the other classes are kept so few that the device serves these quickly.
   */
  LATENCY,

  /** What a handle has unless told otherwise. */
  NORMAL,

  /** Takes what the others leave. */
  BATCH
}
