package io.nvmedirect.vmtest.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class ReportReaderTest {

  private static final Event BEGIN = new Event.Launched("plain");
  private static final Event START = new Event.Started(1, "plain", "a.B", "c()");
  private static final Event PASS = new Event.Finished(1, Outcome.PASSED, 20, "");
  private static final Event LAND = new Event.Landed("plain", 1);
  private static final Event DONE = new Event.Done(1);
  private static final Event EXIT = new Event.Exited(0);

  private final List<String> output = new ArrayList<>();

  @Test
  void order_good() {
    List<TestResult> results =
        read(
            BEGIN,
            START,
            new Event.Published(1, "iops", "7"),
            new Event.Output("hello"),
            PASS,
            LAND,
            DONE,
            EXIT);
    assertThat(results)
        .containsExactly(
            new TestResult(
                "plain",
                "a.B",
                "c()",
                Outcome.PASSED,
                20,
                "",
                List.of(new TestResult.Published("iops", "7"))),
            new TestResult(
                "vm",
                ReportReader.MACHINE,
                "runs all tests and ends in order",
                Outcome.PASSED,
                0,
                "",
                List.of()));
    assertThat(output).containsExactly("hello");
  }

  @Test
  void launches_interleaved_areKeptApart() {
    List<TestResult> results =
        read(
            BEGIN,
            new Event.Launched("other"),
            START,
            new Event.Started(2, "other", "a.B", "c()"),
            new Event.Finished(2, Outcome.SKIPPED, 1, "why"),
            PASS,
            LAND,
            new Event.Landed("other", 1),
            new Event.Done(2),
            EXIT);
    assertThat(results)
        .extracting(TestResult::launch, TestResult::outcome)
        .containsExactly(
            tuple("other", Outcome.SKIPPED),
            tuple("plain", Outcome.PASSED),
            tuple("vm", Outcome.PASSED));
  }

  @Test
  void nothing_isAFailure() {
    assertThat(machine(read())).contains("the report ended before the tests did", "the end");
  }

  @Test
  void noTest_isAFailure() {
    assertThat(machine(read(new Event.Done(0), EXIT))).contains("there was no test");
    assertThat(machine(read(BEGIN, new Event.Landed("plain", 0), new Event.Done(0), EXIT)))
        .contains("launch plain has no test");
  }

  @Test
  void test_thatNeverFinishes_fails() {
    List<TestResult> results = read(BEGIN, START);
    assertThat(results.getFirst().name()).isEqualTo("c()");
    assertThat(results.getFirst().outcome()).isEqualTo(Outcome.FAILED);
    assertThat(results.getFirst().detail()).contains("did not finish", "the end");
    assertThat(machine(results)).contains("launch plain did not end");
  }

  @Test
  void test_lost_isAFailure() {
    assertThat(machine(read(BEGIN, START, PASS, new Event.Landed("plain", 2), DONE, EXIT)))
        .contains("launch plain: 2 tests ran, but 1 were reported");
    assertThat(machine(read(BEGIN, START, PASS, LAND, new Event.Done(2), EXIT)))
        .contains("2 tests ran, but 1 were reported");
  }

  @Test
  void test_thatEndsTwice_isAFailure() {
    assertThat(machine(read(BEGIN, START, PASS, PASS, LAND, DONE, EXIT)))
        .contains("a test ended that had not begun");
  }

  @Test
  void exit_notInOrder_isAFailure() {
    assertThat(machine(read(BEGIN, START, PASS, LAND, DONE)))
        .contains("the guest's JVM did not end in order");
    assertThat(
            machine(
                read(
                    BEGIN,
                    START,
                    PASS,
                    LAND,
                    DONE,
                    new Event.Crash("# SIGSEGV"),
                    new Event.Exited(134))))
        .contains("ended with status 134", "crash report of the guest's JVM\n# SIGSEGV");
  }

  @Test
  void garbage_isAFailureThatShowsIt() {
    String report = text(BEGIN, START) + "[ 1.0] nvme: \0?\n" + text(PASS, LAND, DONE, EXIT);
    List<TestResult> results = read(report);
    assertThat(results.getFirst().outcome()).isEqualTo(Outcome.PASSED);
    assertThat(machine(results)).contains("not a line of a report: [ 1.0] nvme: \0?");
  }

  @Test
  void end_withinALine_isAFailureThatShowsIt() {
    assertThat(machine(read(text(BEGIN, START, PASS, LAND, DONE) + "exited\t0")))
        .contains("the report ends within a line: exited\t0");
  }

  @Test
  void connection_lost_isAFailure() {
    InputStream broken = new PipedInputStream();
    assertThat(machine(all(new ReportReader(broken, () -> "the end", output::add))))
        .contains("the report cannot be read: Pipe not connected");
  }

  /** Why the machine failed. */
  private static String machine(List<TestResult> results) {
    TestResult machine = results.getLast();
    assertThat(machine.className()).isEqualTo(ReportReader.MACHINE);
    assertThat(machine.outcome()).isEqualTo(Outcome.FAILED);
    return machine.detail();
  }

  private List<TestResult> read(Event... events) {
    return read(text(events));
  }

  private List<TestResult> read(String report) {
    InputStream in = new ByteArrayInputStream(report.getBytes(StandardCharsets.UTF_8));
    return all(new ReportReader(in, () -> "the end", output::add));
  }

  private static String text(Event... events) {
    return Stream.of(events).map(event -> event.encode() + "\n").collect(Collectors.joining());
  }

  private static List<TestResult> all(ReportReader reader) {
    List<TestResult> results = new ArrayList<>();
    for (TestResult result = reader.next(); result != null; result = reader.next()) {
      results.add(result);
    }
    return results;
  }
}
