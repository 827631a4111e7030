package io.nvmedirect.testing;

import org.jspecify.annotations.Nullable;

/** What a simulation has found: the library has done what it must not do. */
public final class SimulationFailure extends AssertionError {

  private static final long serialVersionUID = 1;

  SimulationFailure(String message) {
    super(message);
  }

  SimulationFailure(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
