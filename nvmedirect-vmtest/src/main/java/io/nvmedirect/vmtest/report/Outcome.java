package io.nvmedirect.vmtest.report;

/** How a test ended. */
public enum Outcome {
  PASSED,
  FAILED,
  /** Disabled, or an assumption of it did not hold. */
  SKIPPED
}
