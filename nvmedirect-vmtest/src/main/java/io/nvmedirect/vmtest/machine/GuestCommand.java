package io.nvmedirect.vmtest.machine;

import java.util.List;

/**
 * What the guest is to do.
 *
 * @param shell a shell on the console instead of tests
 * @param tests names of test classes, or {@code Class#method}; empty for the whole plan
 * @param limitSeconds when the host ends the machine, in seconds after its start
 */
public record GuestCommand(boolean shell, List<String> tests, int limitSeconds) {

  public GuestCommand {
    tests = List.copyOf(tests);
    if (limitSeconds < 1) {
      throw new IllegalArgumentException(
          "the time limit is %d seconds, must be at least 1".formatted(limitSeconds));
    }
  }
}
