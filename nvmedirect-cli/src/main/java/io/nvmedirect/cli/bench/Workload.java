package io.nvmedirect.cli.bench;

import java.util.Locale;

/** An access pattern, by fio's names. */
public enum Workload {
  READ(false, true, false),
  WRITE(false, false, true),
  /** Sequential reads and writes. */
  RW(false, true, true),
  RANDREAD(true, true, false),
  RANDWRITE(true, false, true),
  RANDRW(true, true, true);

  /** Random positions, else ascending ones. */
  public final boolean random;

  public final boolean reads;
  public final boolean writes;

  Workload(boolean random, boolean reads, boolean writes) {
    this.random = random;
    this.reads = reads;
    this.writes = writes;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
