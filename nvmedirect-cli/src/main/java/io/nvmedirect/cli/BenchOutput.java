package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.cli.bench.FioJson;
import io.nvmedirect.cli.bench.Job;
import io.nvmedirect.cli.bench.Result;
import io.nvmedirect.cli.bench.Run;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What {@code bench} writes: tables, JSON, a page. */
final class BenchOutput {

  private static final int MOST_LOADS = 8;

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

  boolean isJsonOnly() {
    return "-".equals(json);
  }

  /** Fails now, not after minutes of measuring. */
  void requireWritable() throws IOException {
    if (json != null && !isJsonOnly()) {
      requireWritable(Path.of(json));
    }
    if (html != null) {
      requireWritable(html);
    }
  }

  private static void requireWritable(Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (Files.isDirectory(file)) {
      throw new IOException(file + ": is a directory; give the name of a file in it");
    }
    if (Files.exists(file) ? !Files.isWritable(file) : !isWritableDirectory(parent)) {
      throw new IOException(
          file
              + (Files.exists(file)
                  ? ": cannot be written"
                  : ": no directory to write to: " + parent));
    }
  }

  private static boolean isWritableDirectory(@Nullable Path directory) {
    return directory != null && Files.isDirectory(directory) && Files.isWritable(directory);
  }

  // ---- Before.

  void say(String line) {
    if (!isJsonOnly()) {
      nvmed.say(line);
    }
  }

  /** What is to be known even if standard output is for JSON only. */
  void note(String line) {
    if (isJsonOnly()) {
      nvmed.warn(line);
    } else {
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
    loads(jobs);
    host();
  }

  /** A line for all jobs that differ in nothing but workload and depth. */
  private void loads(List<Job> jobs) {
    Map<String, List<Job>> loads =
        jobs.stream()
            .collect(
                Collectors.groupingBy(BenchOutput::load, LinkedHashMap::new, Collectors.toList()));
    int shown = 0;
    for (Map.Entry<String, List<Job>> load : loads.entrySet()) {
      if (shown == MOST_LOADS) {
        say("        and %d more".formatted(loads.size() - shown));
        return;
      }
      String names = loads.size() == 1 ? "" : distinct(load.getValue(), Job::name) + ": ";
      say(
          (shown++ == 0 ? "Load    " : "        ")
              + names
              + load.getKey()
                  .formatted(distinct(load.getValue(), job -> Integer.toString(job.depth()))));
    }
  }

  /** With a place for the depths. */
  private static String load(Job job) {
    return "%s blocks, iodepth %%s, queues %d, %s"
        .formatted(blocks(job), job.workers(), length(job).replace("%", "%%"));
  }

  private static String distinct(List<Job> jobs, Function<Job, String> what) {
    return jobs.stream().map(what).distinct().collect(Collectors.joining(", "));
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
    Job.Span span = job.span();
    Duration runtime = span.runtime();
    String limit = runtime == null ? "" : time(runtime);
    if (!span.timeBased() || runtime == null) {
      String bytes =
          span.bytes() > 0 ? Sizes.format(span.bytes()) + " each" : "the size of the region each";
      limit = bytes + (runtime == null ? "" : ", for %s at most".formatted(limit));
    } else {
      limit += " each";
    }
    return span.ramp().isZero()
        ? limit
        : "%s after a warm-up of %s (not counted)".formatted(limit, time(span.ramp()));
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

  /** Says that the results are not of all that was asked for. */
  void interrupted() {
    note("Note    interrupted: this is what was measured until then");
  }

  /** Shows the results in all the ways that were asked for. */
  void show(
      List<Result> results,
      Run.Totals totals,
      @Nullable ToolCost cost,
      Map<String, NvmeDevice> devices)
      throws IOException {
    Map<String, @Nullable Object> report = FioJson.of(info(cost, devices, totals), results);
    if (!isJsonOnly()) {
      ResultTables.print(nvmed.out(), results);
      notes(results, totals, cost);
    }
    write(report);
  }

  /** Writes the files that were asked for, and JSON to standard output if that was. */
  void write(Map<String, @Nullable Object> report) throws IOException {
    if (isJsonOnly()) {
      nvmed.say(Json.text(report));
    } else if (json != null) {
      Files.writeString(Path.of(json), Json.text(report) + System.lineSeparator());
    }
    if (html != null) {
      HtmlReport.write(html, "NVMe measurements", List.of(ResultFile.of("this run", report)));
      say("Page    " + html);
    }
  }

  private void notes(List<Result> results, Run.Totals totals, @Nullable ToolCost cost) {
    if (totals.checkedBlocks() > 0) {
      say(String.format(Locale.ROOT, "Verify  %,d blocks are right", totals.checkedBlocks()));
    }
    double operations = Math.max(1, results.stream().mapToLong(Result::operations).sum());
    double allocated =
        results.stream().mapToLong(r -> r.usage().allocatedBytes()).sum() / operations;
    say(
        String.format(
            Locale.ROOT,
            "GC      %d collections, %d ms; the workers allocated %.1f bytes per I/O",
            totals.collections(),
            totals.collectionMs(),
            allocated));
    say(
        cost == null
            ? "Tool    what it takes of each I/O could not be measured: the cores are busy"
            : String.format(
                Locale.ROOT,
                "Tool    %.0f ns of each I/O are its own: positions, clock, histogram; %.1f bytes"
                    + " allocated",
                cost.nsPerIo(),
                cost.bytesPerIo()));
  }

  RunInfo info(@Nullable ToolCost cost, Map<String, NvmeDevice> devices, Run.Totals totals) {
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
        cost,
        start,
        totals.disks(),
        totals.elapsedMs());
  }
}
