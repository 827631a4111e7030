package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.report.Outcome;
import io.nvmedirect.vmtest.report.TestResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.TestAbortedException;

/**
 * Runs the plan in a virtual machine; each test of the guest is a test here. {@code -Dvm.test=Class} runs one
 * class only, {@code -Dvm.limit=seconds} sets the time limit.
 */
final class VirtualMachineTest {

  private static final int LIMIT_SECONDS = Integer.getInteger("vm.limit", 1100);
  private static final Path SCRATCH = Path.of("target/vm").toAbsolutePath();

  @TestFactory
  Stream<DynamicTest> guest() throws IOException {
    String test = System.getProperty("vm.test", "");
    List<String> tests = test.isEmpty() ? List.of() : List.of(test.split(","));
    try (ResultFiles files = new ResultFiles(SCRATCH)) {
      try {
        List<TestResult> results = results(tests);
        results.forEach(files::add);
        return results.stream()
            .map(result -> DynamicTest.dynamicTest(result.title(), () -> verify(result)));
      } catch (VirtualMachineMissing e) {
        files.skipped(e.getMessage());
        // As a test, for surefire counts no factory.
        return Stream.of(
            DynamicTest.dynamicTest("no virtual machine", () -> Assumptions.abort(e.getMessage())));
      }
    }
  }

  /** Those of a second run if QEMU 7.2 itself has crashed or stopped in the first, as it rarely does. */
  private static List<TestResult> results(List<String> tests)
      throws IOException, VirtualMachineMissing {
    GuestCommand command = new GuestCommand(false, tests, LIMIT_SECONDS);
    String classPath = System.getProperty("java.class.path");
    for (boolean again = false; ; again = true) {
      try (GuestRun run = GuestRun.start(command, classPath, SCRATCH, VirtualMachineTest::show)) {
        List<TestResult> results = run.results().toList();
        if (again || !run.emulatorCrashed()) {
          return results;
        }
        show("vm: QEMU itself has crashed or stopped; all is run once more");
      }
    }
  }

  private static void show(String line) {
    System.out.println(line);
  }

  private static void verify(TestResult result) {
    if (result.outcome() == Outcome.FAILED) {
      // With the title, for the summary of Maven calls it guest()[39].
      throw new AssertionFailedError(result.title() + "\n" + result.detail());
    }
    if (result.outcome() == Outcome.SKIPPED) {
      throw new TestAbortedException(result.detail());
    }
  }
}
