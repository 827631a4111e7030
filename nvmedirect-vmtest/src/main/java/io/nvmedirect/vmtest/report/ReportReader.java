package io.nvmedirect.vmtest.report;

import io.nvmedirect.vmtest.report.Event.Started;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes results of what the guest reports, as it comes. Whatever the guest does, each test that began has a
 * result, and the last result is that of the machine: it passes only if all launches ended in order, with the
 * number of tests that they said.
 */
public final class ReportReader {

  /** The class name of the last result. */
  public static final String MACHINE = "VirtualMachine";

  private final InputStream in;
  private final Supplier<String> circumstances;
  private final Consumer<String> output;

  private final Map<Long, Started> running = new LinkedHashMap<>();
  private final Map<Long, List<TestResult.Published>> published = new LinkedHashMap<>();
  private final Map<String, Long> launches = new LinkedHashMap<>();
  private final ArrayDeque<TestResult> ready = new ArrayDeque<>();
  private final List<String> problems = new ArrayList<>();
  private final StringBuilder crash = new StringBuilder();
  private long finished;
  private @Nullable Long done;
  private @Nullable Integer exit;
  private boolean ended;

  /**
   * Over the guest's report.
   *
   * @param circumstances what the host knows of the end of a machine, for failures; asked after the report
   *     has ended
   * @param output takes the guest's lines of standard output
   */
  public ReportReader(InputStream in, Supplier<String> circumstances, Consumer<String> output) {
    this.in = new BufferedInputStream(in);
    this.circumstances = circumstances;
    this.output = output;
  }

  /** The next result, waiting for it; null after the last one. */
  public @Nullable TestResult next() {
    while (ready.isEmpty() && !ended) {
      String line = readLine();
      if (line == null) {
        ended = true;
        conclude();
      } else {
        understand(line);
      }
    }
    return ready.poll();
  }

  private void understand(String line) {
    Event event;
    try {
      event = Event.decode(line);
    } catch (IllegalArgumentException e) {
      problems.add("not a line of a report: " + line);
      return;
    }
    switch (event) {
      case Event.Launched e -> launches.put(e.launch(), 0L);
      case Started e -> running.put(e.id(), e);
      case Event.Finished e -> finish(e);
      case Event.Published e ->
          published
              .computeIfAbsent(e.id(), id -> new ArrayList<>())
              .add(new TestResult.Published(e.key(), e.value()));
      case Event.Output e -> output.accept(e.line());
      case Event.Landed e -> land(e);
      case Event.Done e -> done = e.tests();
      case Event.Exited e -> exit = e.status();
      case Event.Crash e -> crash.append(e.line()).append('\n');
    }
  }

  private void finish(Event.Finished event) {
    Started test = running.remove(event.id());
    if (test == null) {
      problems.add("a test ended that had not begun: " + event);
      return;
    }
    finished++;
    launches.merge(test.launch(), 1L, Long::sum);
    ready.add(result(test, event.outcome(), event.millis(), event.detail()));
  }

  private TestResult result(Started test, Outcome outcome, long millis, String detail) {
    List<TestResult.Published> values = published.remove(test.id());
    return new TestResult(
        test.launch(),
        test.className(),
        test.name(),
        outcome,
        millis,
        detail,
        values == null ? List.of() : values);
  }

  private void land(Event.Landed event) {
    Long reported = launches.remove(event.launch());
    if (reported == null) {
      problems.add("launch %s ended that had not begun".formatted(event.launch()));
    } else if (reported != event.tests()) {
      problems.add(
          "launch %s: %d tests ran, but %d were reported"
              .formatted(event.launch(), event.tests(), reported));
    } else if (reported == 0) {
      problems.add("launch %s has no test".formatted(event.launch()));
    }
  }

  private void conclude() {
    if (done == null) {
      problems.add("the report ended before the tests did");
    } else if (done != finished) {
      problems.add("%d tests ran, but %d were reported".formatted(done, finished));
    } else if (done == 0) {
      problems.add("there was no test");
    }
    if (exit == null) {
      problems.add("the guest's JVM did not end in order");
    } else if (exit != 0) {
      problems.add("the guest's JVM ended with status " + exit);
    }
    running.values().forEach(test -> problems.add("a test did not finish: " + test));
    launches.keySet().forEach(launch -> problems.add("launch %s did not end".formatted(launch)));
    // The long story once: with what was running, for that is where one looks.
    String problem = String.join("\n", problems);
    String story = problems.isEmpty() ? "" : problem + "\n" + story();
    for (Started test : running.values()) {
      ready.add(result(test, Outcome.FAILED, 0, "did not finish\n" + story));
    }
    ready.add(
        new TestResult(
            "vm",
            MACHINE,
            "runs all tests and ends in order",
            problems.isEmpty() ? Outcome.PASSED : Outcome.FAILED,
            0,
            running.isEmpty() ? story : problem,
            List.of()));
  }

  private String story() {
    String end = circumstances.get();
    return crash.isEmpty() ? end : end + "\n--- crash report of the guest's JVM\n" + crash;
  }

  private @Nullable String readLine() {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      for (int c = in.read(); c >= 0; c = in.read()) {
        if (c == '\n') {
          return line.toString(StandardCharsets.UTF_8);
        }
        line.write(c);
      }
    } catch (IOException e) {
      problems.add("the report cannot be read: " + e.getMessage());
    }
    if (line.size() > 0) {
      problems.add("the report ends within a line: " + line.toString(StandardCharsets.UTF_8));
    }
    return null;
  }
}
