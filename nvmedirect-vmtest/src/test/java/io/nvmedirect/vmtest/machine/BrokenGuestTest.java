package io.nvmedirect.vmtest.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.fixture.HangCase;
import io.nvmedirect.vmtest.report.Outcome;
import io.nvmedirect.vmtest.report.TestResult;
import io.nvmedirect.vmtest.report.TestResult.Published;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Whatever goes wrong in a guest is a failed test on the host that says why, and leaves nothing behind. */
@Timeout(900)
@Execution(ExecutionMode.CONCURRENT)
final class BrokenGuestTest {

  private static final int LIMIT_SECONDS = 600;

  @TempDir Path scratch;

  private final List<String> shown = new ArrayList<>();

  @AfterEach
  void nothingIsLeft() throws IOException {
    try (Stream<Path> left = Files.list(scratch)) {
      assertThat(left).isEmpty();
    }
    assertThat(ProcessHandle.current().descendants().filter(this::isMachine)).isEmpty();
  }

  /** One of this test's, for others run at the same time. */
  private boolean isMachine(ProcessHandle process) {
    return process.info().commandLine().orElse("").contains(scratch.toString());
  }

  @Test
  void tests_ofEachOutcome_areReportedAsSuch() throws IOException {
    List<TestResult> results = run("MixedCase");
    assertThat(results).hasSize(6);

    TestResult passes = named(results, "passes(TestReporter)");
    assertThat(passes.outcome()).isEqualTo(Outcome.PASSED);
    assertThat(passes.published()).containsExactly(new Published("figure", "one\ntwo"));
    TestResult fails = named(results, "fails()");
    assertThat(fails.outcome()).isEqualTo(Outcome.FAILED);
    assertThat(fails.detail())
        .contains("expected: 3", "but was: 2")
        .contains("at io.nvmedirect.vmtest.fixture.MixedCase.fails(MixedCase.java:");
    TestResult assumes = named(results, "assumes()");
    assertThat(assumes.outcome()).isEqualTo(Outcome.SKIPPED);
    assertThat(assumes.detail()).contains("no such thing here");
    TestResult disabled = named(results, "isDisabled()");
    assertThat(disabled.outcome()).isEqualTo(Outcome.SKIPPED);
    assertThat(disabled.detail()).isEqualTo("not today");
    TestResult broken = named(results, "Broken");
    assertThat(broken.outcome()).isEqualTo(Outcome.FAILED);
    assertThat(broken.detail()).contains("broken before all", "MixedCase$Broken.fail");

    assertThat(results.getLast().outcome()).isEqualTo(Outcome.PASSED);
    assertThat(String.join("\n", shown))
        .contains("guest| a line\tof output", "MixedCase > fails()", "figure:\none\ntwo");
  }

  @Test
  void jvm_halts() throws IOException {
    assertThat(failed("HaltCase", "halts()"))
        .contains("did not finish", "the report ended before the tests did");
  }

  @Test
  void jvm_crashes_showsItsReport() throws IOException {
    assertThat(failed("CrashCase", "crashes()"))
        .contains("the guest's JVM ended with status 134")
        .contains("SIGSEGV", "CrashCase.crashes()");
  }

  @Test
  void kernel_panics_showsTheConsole() throws IOException {
    assertThat(failed("PanicCase", "panics()"))
        .contains("QEMU ended with status 0", "Kernel panic", "sysrq");
  }

  @Test
  void test_hangs_endsWithTheTimeLimit() throws IOException {
    assertThat(failed("HangCase", "hangs()")).contains("the time limit of 600 seconds is over");
  }

  /** At once and again, so that it takes no time; the results are those of the second run. */
  @Test
  void qemu_crashes_runsOnceMoreAndSaysSo() throws IOException {
    PlanRun plan = new PlanRun(System.getProperty("java.class.path"), scratch, shown::add);
    AtomicBoolean over = new AtomicBoolean();
    Thread.ofPlatform().start(() -> crashMachines(over));
    try {
      List<TestResult> results =
          plan.results(List.of("io.nvmedirect.vmtest.fixture.MixedCase"), LIMIT_SECONDS);
      assertThat(results).hasSize(1).allMatch(result -> result.outcome() == Outcome.FAILED);
    } catch (VirtualMachineMissing e) {
      Assumptions.abort("no virtual machine: " + e.getMessage());
    } finally {
      over.set(true);
    }
    assertThat(plan.crashes()).singleElement().asString().contains("QEMU ended with status 139");
    assertThat(shown).contains("vm: QEMU itself has crashed or stopped; all is run once more");
  }

  private void crashMachines(AtomicBoolean over) {
    while (!over.get()) {
      ProcessHandle.current()
          .descendants()
          .filter(this::isMachine)
          .forEach(machine -> {
            try {
              Programs.run(List.of("kill", "-SEGV", String.valueOf(machine.pid())));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  /** The reason why a test failed, and with it the machine. */
  private String failed(String type, String test) throws IOException {
    List<TestResult> results = run(type);
    assertThat(results).hasSize(2).allMatch(result -> result.outcome() == Outcome.FAILED);
    assertThat(results.getLast().detail()).isNotEmpty();
    TestResult result = named(results, test);
    assertThat(result.className()).isEqualTo("io.nvmedirect.vmtest.fixture." + type);
    return result.detail();
  }

  private static TestResult named(List<TestResult> results, String name) {
    return results.stream().filter(result -> result.name().equals(name)).findFirst().orElseThrow();
  }

  private List<TestResult> run(String type) throws IOException {
    GuestCommand command =
        new GuestCommand(false, List.of("io.nvmedirect.vmtest.fixture." + type), LIMIT_SECONDS);
    AtomicReference<GuestRun> running = new AtomicReference<>();
    Consumer<String> out =
        line -> {
          shown.add(line);
          if (line.contains(HangCase.BEGUN)) {
            running.get().expire();
          }
        };
    try (GuestRun run =
        GuestRun.start(command, System.getProperty("java.class.path"), scratch, out)) {
      running.set(run);
      return run.results().toList();
    } catch (VirtualMachineMissing e) {
      return Assumptions.abort("no virtual machine: " + e.getMessage());
    }
  }
}
