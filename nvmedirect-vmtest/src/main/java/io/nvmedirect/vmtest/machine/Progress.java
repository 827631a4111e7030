package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.report.Outcome;
import io.nvmedirect.vmtest.report.TestResult;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Shows results: a line for each class of a launch, and at once what failed or was published. */
final class Progress {

  private static final class Tally {
    String className = "";
    int tests;
    int failed;
    int skipped;
    long millis;
  }

  private final Consumer<String> out;
  private final long start = System.nanoTime();

  /** By launch, for launches run at the same time, and each runs its classes one after another. */
  private final Map<String, Tally> tallies = new LinkedHashMap<>();

  private final Tally all = new Tally();

  Progress(Consumer<String> out) {
    this.out = out;
  }

  void show(TestResult result) {
    Tally tally = tallies.computeIfAbsent(result.launch(), launch -> new Tally());
    if (!tally.className.equals(result.simpleClassName())) {
      print(result.launch(), tally);
      tally = new Tally();
      tally.className = result.simpleClassName();
      tallies.put(result.launch(), tally);
    }
    count(tally, result);
    count(all, result);
    for (TestResult.Published published : result.published()) {
      String gap = published.value().contains("\n") ? "\n" : " ";
      out.accept(
          "vm: %s: %s:%s%s".formatted(result.title(), published.key(), gap, published.value()));
    }
    if (result.outcome() != Outcome.PASSED) {
      out.accept("vm: %s %s: %s".formatted(result.outcome(), result.title(), result.detail()));
    }
  }

  private static void count(Tally tally, TestResult result) {
    tally.tests++;
    tally.failed += result.outcome() == Outcome.FAILED ? 1 : 0;
    tally.skipped += result.outcome() == Outcome.SKIPPED ? 1 : 0;
    tally.millis += result.millis();
  }

  /** Shows what is still held back, and the sum. */
  void end() {
    tallies.forEach(this::print);
    tallies.clear();
    all.className = "all";
    print("sum", all);
  }

  private void print(String launch, Tally tally) {
    if (tally.tests > 0) {
      out.accept(
          "vm: %5.1f s  %s: %s, %d tests, %d failed, %d skipped, %.1f s"
              .formatted(
                  (System.nanoTime() - start) / 1e9,
                  launch,
                  tally.className,
                  tally.tests,
                  tally.failed,
                  tally.skipped,
                  tally.millis / 1e3));
    }
  }
}
