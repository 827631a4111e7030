package io.nvmedirect.cli;

import java.util.Locale;

/** An access pattern of {@code bench}. */
enum Workload {
  RANDREAD(true, true, false),
  RANDWRITE(true, false, true),
  READ(false, true, false),
  WRITE(false, false, true),
  RANDRW(true, true, true);

  /** Random positions, else ascending ones. */
  final boolean random;

  private final boolean reads;
  final boolean writes;

  Workload(boolean random, boolean reads, boolean writes) {
    this.random = random;
    this.reads = reads;
    this.writes = writes;
  }

  /** Whether the next operation is a write, by 64 random bits: each second one of a mixed load. */
  boolean isWrite(long bits) {
    return writes && (!reads || bits < 0);
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
