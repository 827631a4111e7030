package io.nvmedirect;

import java.time.Duration;

/**
 * How a device is opened.
 *
 * @param namespace namespace identifier, from 1; 0 is the first active one
 * @param commandTimeout how long a command may take before it is aborted; at least 10 ms
 */
public record DeviceOptions(int namespace, Duration commandTimeout) {

  private static final Duration SHORTEST = Duration.ofMillis(10);
  private static final Duration LONGEST = Duration.ofHours(24);
  private static final DeviceOptions DEFAULTS = new DeviceOptions(0, Duration.ofSeconds(30));

  public DeviceOptions {
    if (namespace < 0) {
      throw new IllegalArgumentException("a namespace is 1 or more, or 0: namespace=" + namespace);
    }
    if (commandTimeout.compareTo(SHORTEST) < 0 || commandTimeout.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "a timeout is 10 ms to 24 h: commandTimeout=" + commandTimeout);
    }
  }

  /** The first active namespace, and 30 seconds. */
  public static DeviceOptions defaults() {
    return DEFAULTS;
  }

  public DeviceOptions withNamespace(int namespace) {
    return new DeviceOptions(namespace, commandTimeout);
  }

  public DeviceOptions withCommandTimeout(Duration commandTimeout) {
    return new DeviceOptions(namespace, commandTimeout);
  }
}
