package io.nvmedirect.testing;

/** What a medium does that no device may do: for tests of the simulation, which has to find it. */
enum Sabotage {
  NONE,

  /** A flush keeps nothing. */
  FORGETS_FLUSHES,

  /** One write in 64 is not done. */
  LOSES_WRITES,

  /** One write in 64 does half of its last block. */
  TEARS_BLOCKS,

  /** One read in 64 returns what was there before the last write of its first block. */
  READS_STALE
}
