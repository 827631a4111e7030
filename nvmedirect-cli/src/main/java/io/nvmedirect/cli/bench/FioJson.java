package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Json;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Results in the form of fio's {@code json+}, for scripts that read it. What fio has no name for is in objects
 * {@code nvmed}.
 */
public final class FioJson {

  /** As C's ctime writes it. */
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("EEE MMM ppd HH:mm:ss yyyy", Locale.ROOT);

  private FioJson() {}

  /** An object for {@link Json#text}, with a job for each result, in their order. */
  public static Map<String, @Nullable Object> of(RunInfo run, List<Result> results) {
    return Json.object(
        "fio version", "nvmed-" + run.program(),
        "timestamp", run.start().getEpochSecond(),
        "timestamp_ms", run.start().toEpochMilli(),
        "time", TIME.format(run.start().atZone(ZoneId.systemDefault())),
        "nvmed", made(run),
        "global options", Map.of(),
        "jobs", results.stream().map(result -> job(result, results)).toList(),
        "disk_util", run.disks().stream().map(disk -> disk(disk, run.elapsedMs())).toList());
  }

  private static Map<String, @Nullable Object> disk(DiskUse disk, long elapsedMs) {
    return Json.object(
        "name", disk.name(),
        "read_ios", disk.readIos(),
        "write_ios", disk.writeIos(),
        "read_merges", disk.readMerges(),
        "write_merges", disk.writeMerges(),
        "read_ticks", disk.readMs(),
        "write_ticks", disk.writeMs(),
        "in_queue", disk.queuedMs(),
        "util", Math.min(100, ratio(100.0 * disk.busyMs(), (double) elapsedMs)));
  }

  private static Map<String, @Nullable Object> made(RunInfo run) {
    Map<String, @Nullable Object> made =
        Json.object(
            "jdk", run.jdk(),
            "cpu", run.cpu(),
            "cpus", run.cpus(),
            "model", run.model(),
            "emulated", run.emulated());
    ToolCost tool = run.tool();
    if (tool != null) {
      made.put("tool_ns_per_io", tool.nsPerIo());
      made.put("tool_bytes_per_io", tool.bytesPerIo());
    }
    return made;
  }

  private static Map<String, @Nullable Object> job(Result result, List<Result> all) {
    List<Result> group = all.stream().filter(other -> other.group() == result.group()).toList();
    double reads = group.stream().mapToDouble(FioJson::readBytesPerSecond).sum();
    double writes = group.stream().mapToDouble(FioJson::writeBytesPerSecond).sum();
    Result.Series series = result.series();
    double seconds = result.seconds();
    double cpuNs = seconds * 1e9 * result.workers();
    Map<String, @Nullable Object> object =
        Json.object(
            "jobname", result.job().name(),
            "groupid", result.group(),
            "error", 0,
            "eta", 0,
            "elapsed", Math.round(Math.ceil(seconds)),
            "job options", FioOptions.of(result.job()),
            "read",
                FioSide.object(result.reads(), seconds, series.reads(), series.intervalMs(), reads),
            "write",
                FioSide.object(
                    result.writes(), seconds, series.writes(), series.intervalMs(), writes),
            "trim", FioSide.none(),
            "sync",
                Json.object(
                    "total_ios", result.syncsNs().getTotalCount(),
                    "lat_ns", FioLatency.object(result.syncsNs())),
            "job_runtime", Math.round(seconds * 1000),
            "usr_cpu", ratio(100.0 * result.usage().userNs(), cpuNs),
            "sys_cpu", ratio(100.0 * result.usage().systemNs(), cpuNs),
            "ctx", result.usage().switches(),
            "majf", result.usage().majorFaults(),
            "minf", result.usage().minorFaults(),
            "iodepth_level", FioClasses.levels(result.depths()),
            "iodepth_submit", FioClasses.submitted(result.depths()),
            "iodepth_complete", FioClasses.completed(result.depths()));
    object.putAll(FioClasses.latencies(result.reads().fromPostNs(), result.writes().fromPostNs()));
    // What fio writes without a latency_target, which there is none of here.
    object.put("latency_depth", result.job().depth());
    object.put("latency_target", 0);
    object.put("latency_percentile", 100.0);
    object.put("latency_window", 0);
    object.put("nvmed", used(result));
    return object;
  }

  private static double readBytesPerSecond(Result result) {
    return ratio((double) result.reads().bytes(), result.seconds());
  }

  private static double writeBytesPerSecond(Result result) {
    return ratio((double) result.writes().bytes(), result.seconds());
  }

  private static Map<String, @Nullable Object> used(Result result) {
    Result.Usage usage = result.usage();
    Result.Series series = result.series();
    double operations = (double) result.operations();
    double intervals = series.intervalMs() / 1000.0;
    return Json.object(
        "workers", result.workers(),
        "process_cpu_ns_per_io", ratio((double) usage.processCpuNs(), operations),
        "bytes_allocated_per_io", ratio((double) usage.allocatedBytes(), operations),
        "collections", usage.collections(),
        "collection_ms", usage.collectionMs(),
        "series",
            Json.object(
                "interval_ms", series.intervalMs(),
                "read_iops", series.reads().stream().map(count -> count / intervals).toList(),
                "write_iops", series.writes().stream().map(count -> count / intervals).toList()));
  }

  private static double ratio(double part, double whole) {
    return whole == 0 ? 0 : part / whole;
  }
}
