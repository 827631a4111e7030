package io.nvmedirect.cli.report;

import java.util.NavigableMap;
import java.util.OptionalDouble;

/**
 * Latencies of one direction of a job, in nanoseconds.
 *
 * @param count I/Os that were timed
 * @param percentiles those that the file reports, from 0 to 100, with their latencies
 * @param bins I/Os at each latency; empty if the file has none
 */
record Latency(
    long count,
    double minNs,
    double maxNs,
    double meanNs,
    NavigableMap<Double, Double> percentiles,
    NavigableMap<Long, Long> bins) {

  /** What the file reports, else what its bins say; empty if it has neither. */
  OptionalDouble percentile(double percentile) {
    Double reported = percentiles.get(percentile);
    if (reported != null) {
      return OptionalDouble.of(reported);
    }
    long total = bins.values().stream().mapToLong(Long::longValue).sum();
    long below = 0;
    for (var bin : bins.entrySet()) {
      below += bin.getValue();
      if (below >= total * percentile / 100) {
        return OptionalDouble.of(bin.getKey());
      }
    }
    return OptionalDouble.empty();
  }
}
