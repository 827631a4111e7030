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
 * Runs the plan in virtual machines; each test of the guest is a test here. {@code -Dvm.test=Class} runs one
 * class only, {@code -Dvm.limit=seconds} sets the time limit.
 */
final class VirtualMachineTest {

  private static final int LIMIT_SECONDS = Integer.getInteger("vm.limit", 1500);
  private static final Path SCRATCH = Path.of("target/vm").toAbsolutePath();

  @TestFactory
  Stream<DynamicTest> guest() throws IOException {
    String test = System.getProperty("vm.test", "");
    List<String> tests = test.isEmpty() ? List.of() : List.of(test.split(","));
    try (ResultFiles files = new ResultFiles(SCRATCH)) {
      try {
        PlanRun run =
            new PlanRun(System.getProperty("java.class.path"), SCRATCH, System.out::println);
        List<TestResult> results = run.results(tests, LIMIT_SECONDS);
        run.crashes().forEach(files::crashed);
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
