package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Json;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** fio's JSON object of a job's reads, or its writes. */
final class FioSide {

  private static final Histogram EMPTY = new Histogram(1);

  private FioSide() {}

  /** Of a direction in which a job does nothing. */
  static Map<String, @Nullable Object> none() {
    return object(new Result.Side(0, EMPTY, EMPTY), 0, List.of(), 1, 0);
  }

  /**
   * Of reads or writes.
   *
   * @param counts completed in each interval
   * @param groupBytesPerSecond of all jobs of the group
   */
  static Map<String, @Nullable Object> object(
      Result.Side side,
      double seconds,
      List<Long> counts,
      long intervalMs,
      double groupBytesPerSecond) {
    long operations = side.operations();
    boolean idle = operations == 0 || seconds == 0;
    double bytesPerSecond = idle ? 0 : side.bytes() / seconds;
    double kibOfEach = operations == 0 ? 0 : side.bytes() / 1024.0 / operations;
    Samples iops = new Samples(idle ? List.of() : counts, 1000.0 / intervalMs);
    Samples bw = new Samples(idle ? List.of() : counts, kibOfEach * 1000 / intervalMs);
    return Json.object(
        "io_bytes", side.bytes(),
        "io_kbytes", side.bytes() / 1024,
        "bw_bytes", Math.round(bytesPerSecond),
        "bw", Math.round(bytesPerSecond / 1024),
        "iops", idle ? 0.0 : operations / seconds,
        "runtime", idle ? 0 : Math.round(seconds * 1000),
        "total_ios", operations,
        "short_ios", 0,
        "drop_ios", 0,
        "slat_ns", FioLatency.object(EMPTY),
        "clat_ns", FioLatency.object(side.fromPostNs()),
        "lat_ns", FioLatency.object(side.fromDueNs()),
        "bw_min", Math.round(bw.least()),
        "bw_max", Math.round(bw.most()),
        "bw_agg",
            groupBytesPerSecond == 0
                ? 0.0
                : Math.min(100, 100 * bytesPerSecond / groupBytesPerSecond),
        "bw_mean", bw.mean(),
        "bw_dev", bw.deviation(),
        "bw_samples", bw.count(),
        "iops_min", Math.round(iops.least()),
        "iops_max", Math.round(iops.most()),
        "iops_mean", iops.mean(),
        "iops_stddev", iops.deviation(),
        "iops_samples", iops.count());
  }

  /** Numbers of intervals, each of which means {@code factor}. */
  private record Samples(List<Long> counts, double factor) {

    int count() {
      return counts.size();
    }

    double least() {
      return counts.isEmpty() ? 0 : statistics().getMin() * factor;
    }

    double most() {
      return counts.isEmpty() ? 0 : statistics().getMax() * factor;
    }

    double mean() {
      return statistics().getAverage() * factor;
    }

    /** Of a sample: over one less than their number, as fio has it. */
    double deviation() {
      double mean = statistics().getAverage();
      double squares = counts.stream().mapToDouble(count -> (count - mean) * (count - mean)).sum();
      return counts.size() < 2 ? 0 : Math.sqrt(squares / (counts.size() - 1)) * factor;
    }

    private LongSummaryStatistics statistics() {
      return counts.stream().mapToLong(Long::longValue).summaryStatistics();
    }
  }
}
