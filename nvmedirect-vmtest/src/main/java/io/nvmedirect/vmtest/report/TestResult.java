package io.nvmedirect.vmtest.report;

import java.util.List;

/**
 * A test of the guest that is over.
 *
 * @param className the class with its package
 * @param name the method, with what distinguishes invocations of it
 * @param detail the stack trace of a failure, the reason of what was skipped
 * @param published what the test published, as key and value
 */
public record TestResult(
    String launch,
    String className,
    String name,
    Outcome outcome,
    long millis,
    String detail,
    List<Published> published) {

  /** A figure or a table. */
  public record Published(String key, String value) {}

  public TestResult {
    published = List.copyOf(published);
  }

  /** The class without its package. */
  public String simpleClassName() {
    return className.substring(className.lastIndexOf('.') + 1);
  }

  /** Such as {@code plain: NvmedPreadTest > position_stays()}. */
  public String title() {
    return launch + ": " + simpleClassName() + " > " + name;
  }
}
