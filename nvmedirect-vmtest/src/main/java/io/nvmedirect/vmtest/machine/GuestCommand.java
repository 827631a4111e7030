package io.nvmedirect.vmtest.machine;

import java.util.List;

/**
 * What the guest is to do.
 *
 * @param shell a shell on the console instead of tests
 * @param tests names of test classes, or {@code Class#method}; empty for a part of the plan
 * @param part the part of the plan, from 0 on
 * @param limitSeconds when the host ends the machine, in seconds after its start
 */
public record GuestCommand(boolean shell, List<String> tests, int part, int limitSeconds) {

  /** A shell, or tests by name. */
  public GuestCommand(boolean shell, List<String> tests, int limitSeconds) {
    this(shell, tests, 0, limitSeconds);
  }

  public GuestCommand {
    tests = List.copyOf(tests);
    if (limitSeconds < 1) {
      throw new IllegalArgumentException(
          "the time limit is %d seconds, must be at least 1".formatted(limitSeconds));
    }
  }
}
