package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.GuestPlan;
import io.nvmedirect.vmtest.report.TestResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Runs the plan, each part in a machine of its own, at the same time. */
public final class PlanRun {

  private final String classPath;
  private final Path scratch;
  private final Consumer<String> out;

  /** How QEMU ended, each time that a machine had to run again. */
  private final List<String> crashes = Collections.synchronizedList(new ArrayList<>());

  /**
   * Runs nothing yet.
   *
   * @param classPath what the guests have of classes, as paths of the host
   * @param scratch where to make the machines' directories
   * @param out takes lines that show how it goes, from several threads
   */
  public PlanRun(String classPath, Path scratch, Consumer<String> out) {
    this.classPath = classPath;
    this.scratch = scratch;
    this.out = out;
  }

  /**
   * The results of all tests, and one of each machine.
   *
   * @param tests names of tests, which run in one machine; empty for all
   */
  public List<TestResult> results(List<String> tests, int limitSeconds)
      throws IOException, VirtualMachineMissing {
    if (!tests.isEmpty()) {
      return results(new GuestCommand(false, tests, limitSeconds));
    }
    List<Callable<List<TestResult>>> parts =
        IntStream.range(0, GuestPlan.parts().size())
            .<Callable<List<TestResult>>>mapToObj(
                part -> () -> results(new GuestCommand(false, List.of(), part, limitSeconds)))
            .toList();
    // A machine dies with the thread that started it.
    try (ExecutorService threads = Executors.newFixedThreadPool(parts.size())) {
      List<TestResult> results = new ArrayList<>();
      for (Future<List<TestResult>> part : threads.invokeAll(parts)) {
        results.addAll(part.get());
      }
      return results;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case VirtualMachineMissing missing -> throw missing;
        case IOException failure -> throw failure;
        case null, default -> throw new IllegalStateException(e.getCause());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /**
   * How QEMU ended where results are those of a second run, because it crashed or stopped in the first one;
   * to be told beside the results, which do not show it.
   */
  public List<String> crashes() {
    synchronized (crashes) {
      return List.copyOf(crashes);
    }
  }

  /** Those of a second run if QEMU itself has crashed or stopped in the first, as it rarely does. */
  private List<TestResult> results(GuestCommand command) throws IOException, VirtualMachineMissing {
    for (boolean again = false; ; again = true) {
      try (GuestRun run = GuestRun.start(command, classPath, scratch, out)) {
        List<TestResult> results = run.results().toList();
        if (again || !run.emulatorCrashed()) {
          return results;
        }
        // The last result is the machine's own.
        crashes.add(results.getLast().detail());
        out.accept("vm: QEMU itself has crashed or stopped; all is run once more");
      }
    }
  }
}
