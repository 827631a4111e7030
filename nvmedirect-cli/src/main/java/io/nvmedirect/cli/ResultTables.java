package io.nvmedirect.cli;

import io.nvmedirect.cli.bench.Result;
import io.nvmedirect.cli.format.Table;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** The results of {@code bench} as tables for a terminal. */
final class ResultTables {

  private static final double[] PERCENTILES = {50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 99.999};
  private static final String BARS = "▁▂▃▄▅▆▇█";
  private static final int WIDTH = 60;

  private ResultTables() {}

  static void print(PrintWriter out, List<Result> results) {
    summary(results).print(out);
    out.println();
    percentiles(results).print(out);
    out.println();
    overTime(out, results);
    out.flush();
  }

  private static Table summary(List<Result> results) {
    Table table =
        new Table(
            "WORKLOAD",
            ">IOPS",
            ">MB/s",
            ">MEAN µs",
            ">P50 µs",
            ">P99 µs",
            ">P99.9 µs",
            ">MAX µs",
            ">CPU µs/IO",
            ">DEPTH",
            ">QUEUES",
            "I/O");
    for (Result result : results) {
      row(table, result, "read", result.reads());
      row(table, result, "write", result.writes());
      flushes(table, result);
    }
    return table;
  }

  private static void row(Table table, Result result, String kind, Result.Side side) {
    if (side.operations() == 0 && !isExpected(result, kind)) {
      return;
    }
    double seconds = Math.max(result.seconds(), 1e-9);
    Histogram latencies = side.fromDueNs();
    table.row(
        result.job().name(),
        number("%,.0f", side.operations() / seconds),
        number("%,.1f", side.bytes() / seconds / 1e6),
        micros(latencies.getMean()),
        percentile(latencies, 50),
        percentile(latencies, 99),
        percentile(latencies, 99.9),
        micros(latencies.getMaxValue()),
        micros(
            result.operations() == 0
                ? 0
                : (double) result.usage().processCpuNs() / result.operations()),
        result.job().depth(),
        queues(result),
        kind);
  }

  /** Whether a row of zeroes says something: the load should have had such I/O. */
  private static boolean isExpected(Result result, String kind) {
    return kind.equals("read")
        ? result.job().pattern().workload().reads
        : result.job().pattern().workload().writes;
  }

  private static void flushes(Table table, Result result) {
    Histogram latencies = result.syncsNs();
    if (latencies.getTotalCount() > 0) {
      table.row(
          result.job().name(),
          number("%,.0f", latencies.getTotalCount() / Math.max(result.seconds(), 1e-9)),
          "",
          micros(latencies.getMean()),
          percentile(latencies, 50),
          percentile(latencies, 99),
          percentile(latencies, 99.9),
          micros(latencies.getMaxValue()),
          "",
          1,
          queues(result),
          "flush");
    }
  }

  /** Those of the result: of all of the job's, or of one of them. */
  private static int queues(Result result) {
    return Math.min(result.job().workers(), result.workers());
  }

  private static Table percentiles(List<Result> results) {
    List<String> headers = new ArrayList<>(List.of("LATENCY µs", "I/O", ">DEPTH"));
    for (double percent : PERCENTILES) {
      headers.add(">P" + (percent % 1 == 0 ? "%.0f" : "%s").formatted(percent));
    }
    headers.add(">MAX");
    Table table = new Table(headers.toArray(String[]::new));
    for (Result result : results) {
      percentiles(table, result, "read", result.reads().fromDueNs());
      percentiles(table, result, "write", result.writes().fromDueNs());
    }
    return table;
  }

  private static void percentiles(Table table, Result result, String kind, Histogram latencies) {
    if (latencies.getTotalCount() == 0) {
      return;
    }
    List<Object> cells = new ArrayList<>(List.of(result.job().name(), kind, result.job().depth()));
    for (double percent : PERCENTILES) {
      cells.add(percentile(latencies, percent));
    }
    cells.add(micros(latencies.getMaxValue()));
    table.row(cells.toArray());
  }

  /** A line of bars for each result; the tallest is its fastest moment. */
  private static void overTime(PrintWriter out, List<Result> results) {
    Table table = new Table("IOPS OVER TIME", ">DEPTH", ">LOWEST", ">HIGHEST", "");
    boolean any = false;
    for (Result result : results) {
      List<Double> rates = rates(result);
      if (rates.size() > 1) {
        any = true;
        double most = rates.stream().mapToDouble(r -> r).max().orElse(0);
        double least = rates.stream().mapToDouble(r -> r).min().orElse(0);
        table.row(
            result.job().name(),
            result.job().depth(),
            number("%,.0f", least),
            number("%,.0f", most),
            bars(rates, most));
      }
    }
    if (any) {
      table.print(out);
      out.println();
    }
  }

  /** I/Os per second of each interval, or of several together if there are many. */
  private static List<Double> rates(Result result) {
    List<Long> reads = result.series().reads();
    List<Long> writes = result.series().writes();
    int intervals = Math.min(reads.size(), writes.size());
    int step = (intervals + WIDTH - 1) / WIDTH;
    List<Double> rates = new ArrayList<>();
    for (int from = 0; step > 0 && from + step <= intervals; from += step) {
      long sum = 0;
      for (int i = from; i < from + step; i++) {
        sum += reads.get(i) + writes.get(i);
      }
      rates.add(sum * 1000.0 / (step * result.series().intervalMs()));
    }
    return rates;
  }

  private static String bars(List<Double> rates, double most) {
    StringBuilder bars = new StringBuilder();
    for (double rate : rates) {
      int level = most == 0 ? 0 : (int) Math.round(rate / most * (BARS.length() - 1));
      bars.append(BARS.charAt(level));
    }
    return bars.toString();
  }

  private static String percentile(Histogram latencies, double percent) {
    return micros(latencies.getValueAtPercentile(percent));
  }

  static String micros(long ns) {
    return micros((double) ns);
  }

  static String micros(double ns) {
    return number("%,.2f", ns / 1000);
  }

  static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
