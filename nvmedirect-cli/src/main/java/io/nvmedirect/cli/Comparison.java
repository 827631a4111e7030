package io.nvmedirect.cli;

import io.nvmedirect.cli.bench.DiskUse;
import io.nvmedirect.cli.bench.FioJson;
import io.nvmedirect.cli.bench.Job;
import io.nvmedirect.cli.bench.JobOptions;
import io.nvmedirect.cli.bench.Result;
import io.nvmedirect.cli.bench.Run;
import io.nvmedirect.cli.bench.ToolCost;
import io.nvmedirect.cli.format.Table;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** {@code bench --compare}: the same loads on the same file by everything that Java has. */
final class Comparison {

  /**
   * One way.
   *
   * @param name in the table
   * @param includes what its figures have in them
   */
  private record Contender(
      String name, String engine, boolean direct, boolean memory, String includes) {}

  private static final List<Contender> CONTENDERS =
      List.of(
          new Contender(
              "FileChannel DIRECT",
              "filechannel",
              true,
              false,
              "system calls, the file system and the disk; a thread for each I/O in flight"),
          new Contender(
              "FileChannel",
              "filechannel",
              false,
              false,
              "the same with the kernel's page cache: the disk is seldom reached"),
          new Contender(
              "AsynchronousFileChannel DIRECT",
              "asyncfilechannel",
              true,
              false,
              "as FileChannel DIRECT, by the JDK's pool with a thread for each I/O in flight"),
          new Contender(
              "mapped file",
              "mmap",
              false,
              false,
              "copies from and to the page cache without a system call; nothing is durable"),
          new Contender(
              "io_uring DIRECT (jasyncfio)",
              "iouring",
              true,
              false,
              "system calls, the file system and the disk, by one ring with a thread"),
          new Contender(
              "nvmed file:",
              "nvmed",
              false,
              false,
              "this framework, and its emulated controller on another thread, which calls pread and"
                  + " pwrite through the page cache"),
          new Contender(
              "nvmed mem:",
              "nvmed",
              false,
              true,
              "this framework, and its emulated controller on another thread, which copies from and"
                  + " to memory: no file, no disk"));

  private static final List<String> DEPTHS = List.of("1", "8", "32", "128");
  private static final List<String> WORKLOADS = List.of("randread", "randwrite");
  private static final String SIZE = "1GiB";
  private static final String RUNTIME = "2s";
  private static final String RAMP = "500ms";

  private final Nvmed nvmed;
  private final NamespaceOption namespace;
  private final LoadOptions load;
  private final BenchOutput output;
  private final Map<String, Map<String, Result>> table = new LinkedHashMap<>();

  Comparison(Nvmed nvmed, NamespaceOption namespace, LoadOptions load, BenchOutput output) {
    this.nvmed = nvmed;
    this.namespace = namespace;
    this.load = load;
    this.output = output;
  }

  /** Measures on a file in a directory, by default the current one. */
  int run(@Nullable String directory) throws IOException {
    Path where = Path.of(directory == null ? "." : directory);
    if (!Files.isDirectory(where)) {
      throw new IOException(where + ": --compare makes its file in a directory, and this is none");
    }
    // Ctrl-C waits until the file is deleted.
    nvmed.stop.enter();
    try {
      measureIn(where);
    } finally {
      nvmed.stop.leave();
    }
    return 0;
  }

  private void measureIn(Path where) throws IOException {
    Path file = Files.createTempFile(where, "nvmed-compare-", ".img");
    try {
      output.say(
          "File    %s, %s, %s on %s"
              .formatted(
                  file,
                  load.size == null ? SIZE : load.size,
                  Files.getFileStore(file).type(),
                  Files.getFileStore(file).name()));
      output.host();
      requireJobs(file);
      @Nullable ToolCost cost = ToolCost.of(job(CONTENDERS.getFirst(), "randread", "32", file));
      long startNs = System.nanoTime();
      List<DiskUse> before = DiskUse.of(Stream.of(file));
      List<Result> results = measure(file);
      if (!results.isEmpty()) {
        show(file, results, cost, startNs, before);
      }
      nvmed.stop.check();
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private void show(
      Path file, List<Result> results, @Nullable ToolCost cost, long startNs, List<DiskUse> before)
      throws IOException {
    if (nvmed.stop.requested()) {
      output.interrupted();
    }
    if (!output.isJsonOnly()) {
      print(cost);
    }
    long elapsedMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
    List<DiskUse> after = DiskUse.of(Stream.of(file));
    Run.Totals totals = new Run.Totals(0, 0, 0, elapsedMs, DiskUse.difference(before, after));
    output.write(FioJson.of(output.info(cost, Map.of(), totals), results));
  }

  /** So that a wrong option is found before the first measurement. */
  private void requireJobs(Path file) {
    Set<String> notes = new LinkedHashSet<>();
    for (String workload : workloads()) {
      for (String depth : depths()) {
        JobOptions options = options(CONTENDERS.getFirst(), workload, depth, file);
        Job _ = load.build(options);
        notes.addAll(options.ignored());
      }
    }
    notes.forEach(note -> output.note("Note    " + note));
  }

  private List<Result> measure(Path file) throws IOException {
    List<Result> results = new ArrayList<>();
    int done = 0;
    int runs = CONTENDERS.size() * depths().size() * workloads().size();
    try (Progress progress = Progress.of("compare", runs)) {
      for (String workload : workloads()) {
        for (String depth : depths()) {
          for (Contender contender : CONTENDERS) {
            progress.note(done++, "%s, %s, iodepth %s".formatted(contender.name, workload, depth));
            Result result = measureIfPossible(contender, workload, depth, file);
            if (nvmed.stop.requested()) {
              return results;
            }
            if (result != null) {
              results.add(result);
              table
                  .computeIfAbsent(workload + " " + depth, key -> new LinkedHashMap<>())
                  .put(contender.name, result);
            }
          }
        }
      }
    }
    return results;
  }

  /** Null if the kernel refuses io_uring, as containers often have it, or the user wishes to end. */
  private @Nullable Result measureIfPossible(
      Contender contender, String workload, String depth, Path file) throws IOException {
    try {
      return measure(contender, workload, depth, file);
    } catch (IOException e) {
      if (nvmed.stop.requested()) {
        return null;
      }
      if (!contender.engine.equals("iouring")) {
        throw e;
      }
      output.say("%s is left out: %s".formatted(contender.name, e.getMessage()));
      return null;
    }
  }

  /** With the devices opened anew, so that none has threads while others are measured. */
  private @Nullable Result measure(Contender contender, String workload, String depth, Path file)
      throws IOException {
    try (BenchDevices devices = new BenchDevices(namespace, nvmed)) {
      Run run =
          new Run(
              devices,
              nvmed.stop::requested,
              (names, elapsedNs, totalNs, operations, measuredNs) -> {});
      List<Result> results = run.run(List.of(job(contender, workload, depth, file)));
      return results.isEmpty() ? null : results.getFirst();
    }
  }

  private Job job(Contender contender, String workload, String depth, Path file) {
    return load.build(options(contender, workload, depth, file));
  }

  private JobOptions options(Contender contender, String workload, String depth, Path file) {
    JobOptions options = new JobOptions();
    options.set("size", SIZE);
    options.set("runtime", RUNTIME);
    options.set("ramp_time", RAMP);
    load.given().forEach(options::set);
    String size = load.size == null ? SIZE : load.size;
    options.set("name", contender.name);
    options.set("rw", workload);
    options.set("iodepth", depth);
    options.set("ioengine", contender.engine);
    options.set("direct", contender.direct ? "1" : "0");
    options.set(
        "filename",
        contender.memory
            ? "mem:" + size + "?mode=thread"
            : contender.engine.equals("nvmed")
                ? "file:" + file.toAbsolutePath() + "?mode=thread"
                : file.toString());
    options.set("time_based", "1");
    options.set("norandommap", "1");
    options.set("group_reporting", "1");
    return options;
  }

  private List<String> depths() {
    return load.depths.isEmpty() ? DEPTHS : load.depths;
  }

  private List<String> workloads() {
    return load.workloads.isEmpty() ? WORKLOADS : load.workloads;
  }

  private void print(@Nullable ToolCost cost) {
    Contender base = CONTENDERS.getFirst();
    for (Map.Entry<String, Map<String, Result>> part : table.entrySet()) {
      Table rows =
          new Table(
              part.getKey().replace(" ", ", iodepth "),
              ">IOPS",
              ">RATIO",
              ">P50 µs",
              ">P99 µs",
              ">CPU µs/IO");
      double baseIops = Objects.requireNonNull(part.getValue().get(base.name)).iops();
      part.getValue().forEach((name, result) -> addTo(rows, name, result, baseIops));
      rows.print(nvmed.out());
      nvmed.say("");
    }
    output.say(
        "RATIO is of the IOPS to those of %s. CPU is of all threads of the process; what the kernel's own "
                .formatted(base.name)
            + "threads use for a file is not in it.");
    for (Contender contender : CONTENDERS) {
      output.say("%s: %s.".formatted(contender.name, contender.includes));
    }
    output.say(
        cost == null
            ? "What the tool itself takes of each I/O could not be measured: the cores are busy."
            : String.format(
                Locale.ROOT, "%.0f ns of each I/O are the tool's own.", cost.nsPerIo()));
  }

  private static void addTo(Table rows, String name, Result result, double baseIops) {
    Result.Side side = result.reads().operations() > 0 ? result.reads() : result.writes();
    rows.row(
        name,
        ResultTables.number("%,.0f", result.iops()),
        ResultTables.number("%.2f", baseIops == 0 ? 0 : result.iops() / baseIops),
        ResultTables.micros(side.fromDueNs().getValueAtPercentile(50)),
        ResultTables.micros(side.fromDueNs().getValueAtPercentile(99)),
        ResultTables.micros(
            (double) result.usage().processCpuNs() / Math.max(1, result.operations())));
  }
}
