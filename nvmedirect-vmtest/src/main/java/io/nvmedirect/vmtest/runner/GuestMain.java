package io.nvmedirect.vmtest.runner;

import io.nvmedirect.vmtest.GuestPlan;
import io.nvmedirect.vmtest.Launch;
import io.nvmedirect.vmtest.report.Event;
import io.nvmedirect.vmtest.report.Outcome;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The guest's program: runs the launches of the plan, and reports. */
public final class GuestMain {

  /** A test that hangs fails, before the host loses its patience with the whole machine. */
  private static final Map<String, String> DEFAULTS =
      Map.of(
          "junit.jupiter.execution.timeout.default", "180 s",
          "junit.jupiter.execution.timeout.threaddump.enabled", "true");

  /** Launches that run at the same time: opening a device is mostly waiting, the rest is not. */
  private static final int AT_ONCE = 4;

  private final Report report;
  private final List<String> tests;
  private final AtomicLong ids = new AtomicLong();
  private final AtomicLong reported = new AtomicLong();

  /** Selectors of classes, by the tags and selectors of launches. */
  private final Map<String, List<String>> classes = new ConcurrentHashMap<>();

  GuestMain(Report report, List<String> tests) {
    this.report = report;
    this.tests = tests;
  }

  /**
   * Runs tests and ends the JVM.
   *
   * @param arguments where to report to, the host's time limit in seconds, a part of the plan, and names of
   *     tests; without names, all of that part
   */
  public static void main(String[] arguments) throws IOException {
    List<String> tests = List.of(arguments).subList(3, arguments.length);
    Report report = new Report(new FileOutputStream(arguments[0]));
    try (report;
        OutputStream lines = new LineStream(line -> report.send(new Event.Output(line)));
        PrintStream out = new PrintStream(lines, true, StandardCharsets.UTF_8)) {
      System.setOut(out);
      LastWords.sayBefore(Integer.parseInt(arguments[1]), out);
      GuestMain main = new GuestMain(report, tests);
      main.run(main.chosen(Integer.parseInt(arguments[2])));
    }
    // Whatever threads a test has left.
    System.exit(0);
  }

  void run(List<Launch> launches) {
    List<Launch> neighbours = new ArrayList<>();
    for (Launch launch : launches) {
      if (!launch.concurrent()) {
        runAll(neighbours);
        neighbours.clear();
      }
      neighbours.add(launch);
      if (!launch.concurrent()) {
        runAll(neighbours);
        neighbours.clear();
      }
    }
    runAll(neighbours);
    report.send(new Event.Done(reported.get()));
  }

  /** What is to run: a part of the plan, or of all of it what was named. */
  List<Launch> chosen(int part) {
    return tests.isEmpty()
        ? GuestPlan.parts().get(part)
        : NamedTests.launches(
            tests, launch -> LauncherFactory.create().discover(request(launch)).containsTests());
  }

  private LauncherDiscoveryRequest request(Launch launch) {
    LauncherDiscoveryRequestBuilder builder = LauncherDiscoveryRequestBuilder.request();
    if (!launch.tags().isEmpty()) {
      builder.filters(TagFilter.includeTags(launch.tags()));
    }
    return builder
        .selectors(
            launch.selectors().stream()
                .map(s -> DiscoverySelectors.parse(s).orElseThrow())
                .toList())
        .filters(new TestNameFilter(tests))
        .configurationParameters(DEFAULTS)
        .configurationParameters(launch.parameters())
        .build();
  }

  private void runAll(List<Launch> launches) {
    try (ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
      launches.forEach(launch -> threads.execute(() -> run(launch)));
    }
  }

  /**
   * The same launch with its packages' classes in their place. Launches that differ in the device only have the same
   * ones, and looking through packages is dear on an emulated CPU.
   */
  private Launch withClasses(Launch launch) {
    if (launch.selectors().stream().allMatch(selector -> selector.startsWith("class:"))) {
      return launch;
    }
    List<String> found =
        classes.computeIfAbsent(
            launch.tags() + launch.selectors(),
            key -> NamedTests.selectors(LauncherFactory.create().discover(request(launch))));
    return new Launch(
        launch.name(), found, launch.tags(), launch.parameters(), launch.concurrent());
  }

  private void run(Launch launch) {
    report.send(new Event.Launched(launch.name()));
    ReportingListener listener = new ReportingListener(report, launch.name(), ids);
    long failed = 0;
    try {
      Launcher launcher = LauncherFactory.create();
      TestPlan plan = launcher.discover(request(withClasses(launch)));
      launcher.execute(plan, listener);
    } catch (RuntimeException | Error e) {
      // JUnit itself failed, as with a selector that finds nothing.
      long id = ids.incrementAndGet();
      report.send(new Event.Started(id, launch.name(), "Launch", launch.name()));
      report.send(new Event.Finished(id, Outcome.FAILED, 0, ReportingListener.trace(e)));
      failed = 1;
    }
    long tests = listener.tests() + failed;
    reported.addAndGet(tests);
    report.send(new Event.Landed(launch.name(), tests));
  }
}
