package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Json;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.jspecify.annotations.Nullable;

/** fio's JSON object of latencies in nanoseconds. */
final class FioLatency {

  /** fio's default list. */
  private static final double[] PERCENTILES = {
    1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99
  };

  /** The last of fio's bins, about 17 s. Its tools know of none above, so all that is longer is in it. */
  private static final long LAST_BIN_NS = 17_112_760_320L;

  private FioLatency() {}

  /** As in fio's output, without latencies there are neither percentiles nor bins. */
  static Map<String, @Nullable Object> object(Histogram ns) {
    long count = ns.getTotalCount();
    Map<String, @Nullable Object> object =
        Json.object(
            "min", count == 0 ? 0L : ns.getMinValue(),
            "max", count == 0 ? 0L : ns.getMaxValue(),
            "mean", count == 0 ? 0.0 : ns.getMean(),
            "stddev", count == 0 ? 0.0 : ns.getStdDeviation(),
            "N", count);
    if (count > 0) {
      object.put("percentile", percentiles(ns));
      object.put("bins", bins(ns));
    }
    return object;
  }

  private static Map<String, Long> percentiles(Histogram ns) {
    Map<String, Long> percentiles = new LinkedHashMap<>();
    for (double percentile : PERCENTILES) {
      percentiles.put(
          String.format(Locale.ROOT, "%.6f", percentile),
          Math.min(ns.getValueAtPercentile(percentile), ns.getMaxValue()));
    }
    return percentiles;
  }

  /** Counts by the middle of each bin. */
  private static Map<String, Long> bins(Histogram ns) {
    Map<String, Long> bins = new LinkedHashMap<>();
    for (HistogramIterationValue value : ns.recordedValues()) {
      long middle = ns.medianEquivalentValue(value.getValueIteratedTo());
      bins.merge(
          Long.toString(Math.min(middle, LAST_BIN_NS)),
          value.getCountAtValueIteratedTo(),
          Long::sum);
    }
    return bins;
  }
}
