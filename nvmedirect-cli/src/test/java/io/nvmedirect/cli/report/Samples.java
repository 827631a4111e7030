package io.nvmedirect.cli.report;

import io.nvmedirect.cli.format.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Results like those of a real run, the same each time. */
final class Samples {

  private static final double[] PERCENTILES = {
    1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99
  };

  private Samples() {}

  /** A run whose IOPS are halved from the middle of the time on. */
  static ResultFile run(String name, Object... jobs) throws IOException {
    return ResultFile.of(name, document(jobs));
  }

  static Map<String, @Nullable Object> document(Object... jobs) {
    return Json.object(
        "fio version", "nvmed-0.1.0",
        "timestamp", 1_795_395_000L,
        "nvmed",
            Json.object(
                "jdk",
                "25.0.3+9",
                "cpu",
                "AMD EPYC 9354 32-Core Processor",
                "cpus",
                2,
                "model",
                "NVMeDirect embedded controller",
                "emulated",
                true,
                "tool_ns_per_io",
                31.5,
                "tool_bytes_per_io",
                0.0),
        "global options", Map.of(),
        "jobs", List.of(jobs));
  }

  /**
   * A job.
   *
   * @param rw fio's workload; {@code randrw} reads 70 of 100
   * @param us the median of its latency
   */
  static Map<String, @Nullable Object> job(
      String name, String rw, int depth, double us, boolean withBins) {
    double iops = depth * 1e6 / (us * 1.3);
    double reads = rw.endsWith("rw") ? 0.7 : rw.endsWith("read") ? 1 : 0;
    return Json.object(
        "jobname", name,
        "job options",
            Json.object(
                "rw", rw,
                "bs", "4k",
                "iodepth", String.valueOf(depth),
                "numjobs", "1",
                "filename", "mem:1GiB",
                "ioengine", "nvmed"),
        "read", side(iops * reads, us, withBins),
        "write", side(iops * (1 - reads), us * 2.5, withBins),
        "nvmed",
            Json.object(
                "process_cpu_ns_per_io",
                1e9 / iops,
                "bytes_allocated_per_io",
                0.01,
                "series",
                Json.object(
                    "interval_ms", 100,
                    "read_iops", reads > 0 ? series(iops * reads) : List.of(),
                    "write_iops", reads < 1 ? series(iops * (1 - reads)) : List.of())));
  }

  /** Reads at a rate that is too high: since they were due they took another median. */
  static Map<String, @Nullable Object> late(String name, double us, double dueUs) {
    Map<String, @Nullable Object> job = job(name, "randread", 1, us, true);
    Map<String, @Nullable Object> read = side(1e6 / us, us, true);
    read.put("lat_ns", side(1e6 / us, dueUs, true).get("clat_ns"));
    job.put("read", read);
    return job;
  }

  private static List<Double> series(double iops) {
    Random random = new Random(7);
    List<Double> series = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      series.add(iops * (i < 25 ? 1.33 : 0.67) * (0.98 + 0.04 * random.nextDouble()));
    }
    return series;
  }

  private static Map<String, @Nullable Object> side(double iops, double us, boolean withBins) {
    long total = Math.round(iops * 5);
    if (total == 0) {
      return Json.object("total_ios", 0, "iops", 0);
    }
    NavigableMap<Long, Long> bins = bins(us);
    Map<String, @Nullable Object> latency =
        Json.object(
            "min",
            bins.firstKey() - 1,
            "max",
            bins.lastKey() + 1,
            "mean",
            us * 1.1e3,
            "stddev",
            us * 100,
            "N",
            total,
            "percentile",
            percentiles(bins));
    if (withBins) {
      latency.put("bins", bins);
    }
    return Json.object(
        "total_ios", total,
        "iops", iops,
        "bw_bytes", Math.round(iops * 4096),
        "clat_ns", latency);
  }

  /** Log-normal, with a slow thousandth. */
  private static NavigableMap<Long, Long> bins(double us) {
    Random random = new Random(11);
    NavigableMap<Long, Long> bins = new TreeMap<>();
    for (int i = 0; i < 100_000; i++) {
      double slow = i % 1000 == 0 ? 8 : 1;
      double ns = us * 1e3 * slow * Math.exp(0.18 * random.nextGaussian());
      long width = Long.highestOneBit((long) ns) / 64;
      bins.merge((long) ns / Math.max(width, 1) * Math.max(width, 1), 1L, Long::sum);
    }
    return bins;
  }

  private static Map<String, @Nullable Object> percentiles(NavigableMap<Long, Long> bins) {
    long total = bins.values().stream().mapToLong(Long::longValue).sum();
    Map<String, @Nullable Object> percentiles = Json.object();
    for (double percentile : PERCENTILES) {
      long below = 0;
      for (Map.Entry<Long, Long> bin : bins.entrySet()) {
        below += bin.getValue();
        if (below >= total * percentile / 100) {
          percentiles.put("%.6f".formatted(percentile), bin.getKey());
          break;
        }
      }
    }
    return percentiles;
  }
}
