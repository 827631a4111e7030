package io.nvmedirect.cli;

import java.util.Locale;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * What {@code bench} measured of one load.
 *
 * @param seconds length of the measurement
 * @param latenciesNs of each I/O that completed in it, from post to completion
 * @param cpuNs time of all CPUs that the process used in it
 */
record BenchResult(BenchLoad load, double seconds, Histogram latenciesNs, long cpuNs) {

  long operations() {
    return latenciesNs.getTotalCount();
  }

  double iops() {
    return operations() / seconds;
  }

  double megabytesPerSecond() {
    return iops() * load.blockBytes() / 1e6;
  }

  double cpuNsPerOperation() {
    return operations() == 0 ? 0 : (double) cpuNs / operations();
  }

  /** The table that {@link #addTo} fills. */
  static Table table() {
    return new Table(
        "WORKLOAD",
        ">IOPS",
        ">MB/s",
        ">MEAN µs",
        ">P50 µs",
        ">P99 µs",
        ">P99.9 µs",
        ">MAX µs",
        ">CPU µs/IO");
  }

  void addTo(Table table) {
    table.row(
        load.workload(),
        String.format(Locale.ROOT, "%,.0f", iops()),
        String.format(Locale.ROOT, "%,.1f", megabytesPerSecond()),
        micros(latenciesNs.getMean()),
        percentile(50),
        percentile(99),
        percentile(99.9),
        micros((double) latenciesNs.getMaxValue()),
        micros(cpuNsPerOperation()));
  }

  Map<String, @Nullable Object> json() {
    return Json.object(
        "workload", load.workload().toString(),
        "blockBytes", load.blockBytes(),
        "iodepth", load.depth(),
        "queues", load.queues(),
        "seconds", seconds,
        "operations", operations(),
        "iops", iops(),
        "bytesPerSecond", iops() * load.blockBytes(),
        "latencyNs",
            Json.object(
                "mean", latenciesNs.getMean(),
                "min", latenciesNs.getMinValue(),
                "p50", latenciesNs.getValueAtPercentile(50),
                "p90", latenciesNs.getValueAtPercentile(90),
                "p99", latenciesNs.getValueAtPercentile(99),
                "p99.9", latenciesNs.getValueAtPercentile(99.9),
                "p99.99", latenciesNs.getValueAtPercentile(99.99),
                "max", latenciesNs.getMaxValue()),
        "cpuNsPerOperation", cpuNsPerOperation());
  }

  private String percentile(double percent) {
    return micros((double) latenciesNs.getValueAtPercentile(percent));
  }

  private static String micros(double ns) {
    return String.format(Locale.ROOT, "%,.2f", ns / 1000);
  }
}
