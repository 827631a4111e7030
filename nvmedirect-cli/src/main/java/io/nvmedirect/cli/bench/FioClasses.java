package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Json;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.jspecify.annotations.Nullable;

/** fio's JSON objects of shares in percent, by depth and by latency. */
final class FioClasses {

  private static final List<String> LEVELS = List.of("1", "2", "4", "8", "16", "32", ">=64");
  private static final List<String> CALLS = List.of("0", "4", "8", "16", "32", "64", ">=64");

  /** What is below each, in nanoseconds, microseconds and milliseconds. */
  private static final int[] BOUNDS = {2, 4, 10, 20, 50, 100, 250, 500, 750, 1000};

  private static final String LAST = ">=2000";
  private static final int LAST_MS = 2000;
  private static final long NS_PER_US = 1000;
  private static final long NS_PER_MS = 1_000_000;

  private FioClasses() {}

  static Map<String, @Nullable Object> levels(Depths depths) {
    return named(LEVELS, depths.levels());
  }

  static Map<String, @Nullable Object> submitted(Depths depths) {
    return named(CALLS, depths.submitted());
  }

  static Map<String, @Nullable Object> completed(Depths depths) {
    return named(CALLS, depths.completed());
  }

  private static Map<String, @Nullable Object> named(List<String> names, double[] percent) {
    Map<String, @Nullable Object> shares = Json.object();
    for (int i = 0; i < percent.length; i++) {
      shares.put(names.get(i), percent[i]);
    }
    return shares;
  }

  /** {@code latency_ns}, {@code latency_us} and {@code latency_ms}: each I/O is in one of their classes. */
  static Map<String, @Nullable Object> latencies(Histogram reads, Histogram writes) {
    double total = Math.max(1, reads.getTotalCount() + writes.getTotalCount());
    Map<String, @Nullable Object> ns = classes();
    Map<String, @Nullable Object> us = classes();
    Map<String, @Nullable Object> ms = classes();
    ms.put("" + LAST_MS, 0.0);
    ms.put(LAST, 0.0);
    for (Histogram histogram : List.of(reads, writes)) {
      for (HistogramIterationValue value : histogram.recordedValues()) {
        long middle = histogram.medianEquivalentValue(value.getValueIteratedTo());
        double percent = 100 * value.getCountAtValueIteratedTo() / total;
        if (middle < NS_PER_US) {
          add(ns, middle, percent);
        } else if (middle < NS_PER_MS) {
          add(us, middle / NS_PER_US, percent);
        } else {
          add(ms, middle / NS_PER_MS, percent);
        }
      }
    }
    return Json.object("latency_ns", ns, "latency_us", us, "latency_ms", ms);
  }

  private static Map<String, @Nullable Object> classes() {
    Map<String, @Nullable Object> classes = Json.object();
    for (int bound : BOUNDS) {
      classes.put("" + bound, 0.0);
    }
    return classes;
  }

  private static void add(Map<String, @Nullable Object> classes, long value, double percent) {
    String name = value < LAST_MS ? "" + LAST_MS : LAST;
    for (int i = BOUNDS.length - 1; i >= 0 && value < BOUNDS[i]; i--) {
      name = "" + BOUNDS[i];
    }
    classes.merge(name, percent, (a, b) -> (double) a + (double) b);
  }
}
