package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.cli.bench.FioJson;
import io.nvmedirect.cli.bench.Job;
import io.nvmedirect.cli.bench.Result;
import io.nvmedirect.cli.bench.RunInfo;
import io.nvmedirect.cli.bench.ToolCost;
import io.nvmedirect.cli.format.Addresses;
import io.nvmedirect.cli.format.Json;
import io.nvmedirect.cli.format.Sizes;
import io.nvmedirect.cli.report.HtmlReport;
import io.nvmedirect.cli.report.ResultFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What {@code bench} writes: tables, JSON, a page. */
final class BenchOutput {

  private final Nvmed nvmed;
  private final @Nullable String json;
  private final @Nullable Path html;
  private final Instant start = Instant.now();

  /**
   * @param json a file for the results, {@code -} for standard output and nothing else there, or null
   * @param html a file for the page, or null
   */
  BenchOutput(Nvmed nvmed, @Nullable String json, @Nullable Path html) {
    this.nvmed = nvmed;
    this.json = json;
    this.html = html;
  }

  private boolean isJsonOnly() {
    return "-".equals(json);
  }

  /** Fails now, not after minutes of measuring. */
  void requireDirectories() throws IOException {
    if (json != null && !isJsonOnly()) {
      requireDirectory(Path.of(json));
    }
    if (html != null) {
      requireDirectory(html);
    }
  }

  private static void requireDirectory(Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent == null || !Files.isWritable(parent)) {
      throw new IOException(file + ": no directory to write to");
    }
  }

  // ---- Before.

  void say(String line) {
    if (!isJsonOnly()) {
      nvmed.say(line);
    }
  }

  void header(List<Job> jobs, Map<String, NvmeDevice> devices) {
    devices.forEach((address, device) -> {
      say("Device  %s, %s".formatted(address, Sizes.format(device.sizeBytes())));
      say(
          "        %s%s"
              .formatted(
                  device.controller().modelNumber(),
                  Addresses.isEmulated(address) ? ", an emulated controller in this process" : ""));
    });
    Job first = jobs.getFirst();
    say(
        "Load    %s blocks, iodepth %s, queues %d, %s"
            .formatted(
                blocks(first),
                jobs.stream()
                    .map(job -> Integer.toString(job.depth()))
                    .distinct()
                    .collect(Collectors.joining(", ")),
                first.workers(),
                length(first)));
    host();
  }

  void host() {
    say(
        "Host    JDK %s, %s, %d CPUs%n"
            .formatted(Runtime.version(), cpu(), Runtime.getRuntime().availableProcessors()));
  }

  private static String blocks(Job job) {
    int least = job.pattern().blocks().least();
    int most = job.pattern().blocks().most();
    return least == most
        ? Sizes.format(least)
        : "%s to %s".formatted(Sizes.format(least), Sizes.format(most));
  }

  private static String length(Job job) {
    Duration runtime = job.span().runtime();
    if (!job.span().timeBased() || runtime == null) {
      return job.span().bytes() > 0
          ? Sizes.format(job.span().bytes()) + " each"
          : "the size of the region each";
    }
    return "%s each after a warm-up of %s (not counted)"
        .formatted(time(runtime), time(job.span().ramp()));
  }

  static String time(Duration duration) {
    return duration.toMillis() % 1000 == 0
        ? duration.toSeconds() + " s"
        : duration.toMillis() + " ms";
  }

  private static String cpu() {
    try {
      return Files.readString(Path.of("/proc/cpuinfo"))
          .lines()
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }

  // ---- After.

  /** Shows the results in all the ways that were asked for. */
  void show(
      List<Result> results, long checkedBlocks, ToolCost cost, Map<String, NvmeDevice> devices)
      throws IOException {
    Map<String, @Nullable Object> report = FioJson.of(info(cost, devices), results);
    if (isJsonOnly()) {
      nvmed.say(Json.text(report));
    } else {
      ResultTables.print(nvmed.out(), results);
      notes(results, checkedBlocks, cost);
    }
    write(report);
  }

  /** Writes the files that were asked for. */
  void write(Map<String, @Nullable Object> report) throws IOException {
    if (json != null && !isJsonOnly()) {
      Files.writeString(Path.of(json), Json.text(report) + System.lineSeparator());
    }
    if (html != null) {
      HtmlReport.write(html, "NVMe measurements", List.of(ResultFile.of("this run", report)));
      say("Page    " + html);
    }
  }

  private void notes(List<Result> results, long checkedBlocks, ToolCost cost) {
    if (checkedBlocks > 0) {
      say(String.format(Locale.ROOT, "Verify  %,d blocks are right", checkedBlocks));
    }
    long collections = results.stream().mapToLong(r -> r.usage().collections()).max().orElse(0);
    long pausesMs = results.stream().mapToLong(r -> r.usage().collectionMs()).max().orElse(0);
    double operations = Math.max(1, results.stream().mapToLong(Result::operations).sum());
    double allocated =
        results.stream().mapToLong(r -> r.usage().allocatedBytes()).sum() / operations;
    say(
        String.format(
            Locale.ROOT,
            "GC      %d collections, %d ms; the workers allocated %.1f bytes per I/O",
            collections,
            pausesMs,
            allocated));
    say(
        String.format(
            Locale.ROOT,
            "Tool    %.0f ns of each I/O are its own: positions, clock, histogram; %.1f bytes allocated",
            cost.nsPerIo(),
            cost.bytesPerIo()));
  }

  RunInfo info(ToolCost cost, Map<String, NvmeDevice> devices) {
    return new RunInfo(
        Nvmed.Version.program(),
        Runtime.version().toString(),
        cpu(),
        Runtime.getRuntime().availableProcessors(),
        devices.values().stream()
            .map(device -> device.controller().modelNumber())
            .distinct()
            .collect(Collectors.joining(", ")),
        devices.keySet().stream().anyMatch(Addresses::isEmulated),
        cost.nsPerIo(),
        cost.bytesPerIo(),
        start);
  }
}
