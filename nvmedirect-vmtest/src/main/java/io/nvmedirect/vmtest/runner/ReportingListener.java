package io.nvmedirect.vmtest.runner;

import io.nvmedirect.vmtest.report.Event;
import io.nvmedirect.vmtest.report.Outcome;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Reports the tests of one launch. Of containers, only those that failed or were skipped as a whole. */
final class ReportingListener implements TestExecutionListener {

  private record Running(long id, long startNs) {}

  private final Report report;
  private final String launch;
  private final AtomicLong ids;
  private final Map<UniqueId, Running> running = new ConcurrentHashMap<>();
  private final AtomicLong tests = new AtomicLong();
  private @Nullable TestPlan plan;

  ReportingListener(Report report, String launch, AtomicLong ids) {
    this.report = report;
    this.launch = launch;
    this.ids = ids;
  }

  /** How many tests were reported. */
  long tests() {
    return tests.get();
  }

  @Override
  public void testPlanExecutionStarted(TestPlan started) {
    plan = started;
  }

  @Override
  public void executionStarted(TestIdentifier test) {
    if (test.isTest()) {
      begin(test);
    }
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    end(begin(test), Outcome.SKIPPED, reason);
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    boolean passed = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
    Running begun = running.remove(test.getUniqueIdObject());
    if (begun == null) {
      if (passed) {
        return;
      }
      begun = begin(test);
    }
    switch (result.getStatus()) {
      case SUCCESSFUL -> end(begun, Outcome.PASSED, "");
      case FAILED -> end(begun, Outcome.FAILED, trace(result.getThrowable().orElse(null)));
      case ABORTED ->
          end(
              begun,
              Outcome.SKIPPED,
              result.getThrowable().map(Throwable::getMessage).orElse("aborted"));
    }
  }

  @Override
  public void reportingEntryPublished(TestIdentifier test, ReportEntry entry) {
    Running begun = running.get(test.getUniqueIdObject());
    entry
        .getKeyValuePairs()
        .forEach((key, value) ->
            report.send(
                begun == null
                    ? new Event.Output(key + " = " + value)
                    : new Event.Published(begun.id(), key, value)));
  }

  private Running begin(TestIdentifier test) {
    Running begun = new Running(ids.incrementAndGet(), System.nanoTime());
    running.put(test.getUniqueIdObject(), begun);
    report.send(new Event.Started(begun.id(), launch, className(test), name(test)));
    return begun;
  }

  private void end(Running begun, Outcome outcome, String detail) {
    running.values().remove(begun);
    tests.incrementAndGet();
    long millis = (System.nanoTime() - begun.startNs()) / 1_000_000;
    report.send(new Event.Finished(begun.id(), outcome, millis, detail));
  }

  static String trace(@Nullable Throwable failure) {
    if (failure == null) {
      return "failed without a reason";
    }
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }

  /** The class of the test or of what contains it. */
  private String className(TestIdentifier test) {
    for (TestIdentifier each = test; each != null; each = parent(each)) {
      TestSource source = each.getSource().orElse(null);
      if (source instanceof MethodSource method) {
        return method.getClassName();
      }
      if (source instanceof ClassSource type) {
        return type.getClassName();
      }
    }
    return test.getDisplayName();
  }

  /** The names from the class down, such as {@code [1] address=… > read()}. */
  private String name(TestIdentifier test) {
    ArrayDeque<String> names = new ArrayDeque<>();
    for (TestIdentifier each = test; each != null; each = parent(each)) {
      TestIdentifier above = parent(each);
      // The outermost class is told apart, and above it is only the engine.
      if (above == null || parent(above) == null) {
        break;
      }
      names.addFirst(each.getDisplayName());
    }
    return names.isEmpty() ? test.getDisplayName() : String.join(" > ", names);
  }

  private @Nullable TestIdentifier parent(TestIdentifier test) {
    return Objects.requireNonNull(plan).getParent(test).orElse(null);
  }
}
