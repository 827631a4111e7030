package io.nvmedirect.linux;

/** The processors of the machine. */
public final class Processors {

  private static final int SC_NPROCESSORS_ONLN = 84;

  private Processors() {}

  /** How many are online, also those that this process may not run on; 1 if nobody knows. */
  public static int online() {
    return (int) Math.max(1, Libc.sysconf(SC_NPROCESSORS_ONLN));
  }
}
