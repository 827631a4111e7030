package io.nvmedirect.vmtest.report;

import java.util.ArrayList;
import java.util.List;

/**
 * What the guest reports, one line each: the name of the event and its values, separated by tabs. In values,
 * tab, line feed, carriage return and backslash are written as in Java.
 *
 * <p>Tests are numbered over all launches, because tests of several launches run at the same time.
 */
public sealed interface Event {

  /** A launch begins. */
  record Launched(String launch) implements Event {}

  /** A test begins, or a class as a whole that failed or was skipped. */
  record Started(long id, String launch, String className, String name) implements Event {}

  /** It is over. For a failure the detail is the stack trace, for what was skipped the reason. */
  record Finished(long id, Outcome outcome, long millis, String detail) implements Event {}

  /** What a test published. */
  record Published(long id, String key, String value) implements Event {}

  /** A line on the guest's standard output. */
  record Output(String line) implements Event {}

  /** A launch is over, with the number of tests that it reported. */
  record Landed(String launch, long tests) implements Event {}

  /** All launches are over. */
  record Done(long tests) implements Event {}

  /** The guest's JVM has ended. */
  record Exited(int status) implements Event {}

  /** The text of one line of a crash report of the guest's JVM. */
  record Crash(String line) implements Event {}

  /** The line, without its end. */
  default String encode() {
    return switch (this) {
      case Launched e -> line("launched", e.launch());
      case Started e -> line("started", e.id(), e.launch(), e.className(), e.name());
      case Finished e -> line("finished", e.id(), e.outcome(), e.millis(), e.detail());
      case Published e -> line("published", e.id(), e.key(), e.value());
      case Output e -> line("output", e.line());
      case Landed e -> line("landed", e.launch(), e.tests());
      case Done e -> line("done", e.tests());
      case Exited e -> line("exited", e.status());
      case Crash e -> line("crash", e.line());
    };
  }

  /**
   * Understands a line.
   *
   * @throws IllegalArgumentException if it is not one that {@link #encode} makes
   */
  static Event decode(String line) {
    List<String> fields = new ArrayList<>();
    for (String field : line.split("\t", -1)) {
      fields.add(unescape(field));
    }
    return switch (fields.getFirst() + "/" + (fields.size() - 1)) {
      case "launched/1" -> new Launched(fields.get(1));
      case "started/4" ->
          new Started(Long.parseLong(fields.get(1)), fields.get(2), fields.get(3), fields.get(4));
      case "finished/4" ->
          new Finished(
              Long.parseLong(fields.get(1)),
              Outcome.valueOf(fields.get(2)),
              Long.parseLong(fields.get(3)),
              fields.get(4));
      case "published/3" ->
          new Published(Long.parseLong(fields.get(1)), fields.get(2), fields.get(3));
      case "output/1" -> new Output(fields.get(1));
      case "landed/2" -> new Landed(fields.get(1), Long.parseLong(fields.get(2)));
      case "done/1" -> new Done(Long.parseLong(fields.get(1)));
      case "exited/1" -> new Exited(Integer.parseInt(fields.get(1)));
      case "crash/1" -> new Crash(fields.get(1));
      default -> throw new IllegalArgumentException("no event: " + line);
    };
  }

  private static String line(String name, Object... values) {
    StringBuilder line = new StringBuilder(name);
    for (Object value : values) {
      line.append('\t').append(escape(value.toString()));
    }
    return line.toString();
  }

  private static String escape(String value) {
    return value
        .replace("\\", "\\\\")
        .replace("\t", "\\t")
        .replace("\n", "\\n")
        .replace("\r", "\\r");
  }

  private static String unescape(String field) {
    StringBuilder value = new StringBuilder();
    for (int i = 0; i < field.length(); i++) {
      char c = field.charAt(i);
      if (c == '\\') {
        i++;
        c =
            switch (i < field.length() ? field.charAt(i) : ' ') {
              case '\\' -> '\\';
              case 't' -> '\t';
              case 'n' -> '\n';
              case 'r' -> '\r';
              default -> throw new IllegalArgumentException("bad escape in: " + field);
            };
      }
      value.append(c);
    }
    return value.toString();
  }
}
