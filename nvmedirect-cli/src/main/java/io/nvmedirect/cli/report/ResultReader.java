package io.nvmedirect.cli.report;

import io.nvmedirect.cli.format.Sizes;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** From fio's JSON, with or without the object {@code nvmed}, to rows. */
final class ResultReader {

  private static final List<String> DIRECTIONS = List.of("read", "write", "trim");
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'", Locale.ROOT);

  private final Fields root;
  private final @Nullable Fields globals;
  private final List<Fields> jobs;

  /**
   * @throws IOException if there are no jobs
   */
  ResultReader(Fields root) throws IOException {
    this.root = root;
    this.globals = root.object("global options");
    this.jobs = root.objects("jobs");
  }

  /**
   * A row for each direction in which a job did I/O.
   *
   * @throws IOException if there are none, or a number is missing
   */
  List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < jobs.size(); i++) {
      for (String direction : DIRECTIONS) {
        Fields side = jobs.get(i).object(direction);
        Double operations = side == null ? null : side.optional("total_ios");
        if (side != null && operations != null && operations > 0) {
          rows.add(row(i, direction, side, operations.longValue()));
        }
      }
    }
    if (rows.isEmpty()) {
      throw root.wrong("jobs", "have no I/O (total_ios) to show");
    }
    return rows;
  }

  private Row row(int number, String direction, Fields side, long operations) throws IOException {
    Fields job = jobs.get(number);
    String name = job.text("jobname");
    Fields own = job.object("nvmed");
    Latency latency = latency(side, "clat_ns");
    Latency due = own == null ? null : latency(side, "lat_ns");
    boolean apart = latency != null && due != null && !due.bins().equals(latency.bins());
    return new Row(
        number,
        name == null ? "job " + (number + 1) : name,
        option(job, "rw", "read"),
        blocks(option(job, "bs", "4k")),
        count(job, "iodepth"),
        count(job, "numjobs"),
        direction,
        operations,
        side.number("iops"),
        bandwidth(side),
        latency,
        apart ? due : null,
        series(own, direction),
        own == null ? null : own.optional("process_cpu_ns_per_io"),
        own == null ? null : own.optional("bytes_allocated_per_io"));
  }

  /** Bytes per second; fio's {@code bw} is in KiB. */
  private static double bandwidth(Fields side) throws IOException {
    Double bytes = side.optional("bw_bytes");
    return bytes == null ? side.number("bw") * 1024 : bytes;
  }

  private static @Nullable Latency latency(Fields side, String name) throws IOException {
    Fields latency = side.object(name);
    Double count = latency == null ? null : latency.optional("N");
    if (latency == null || (count != null && count == 0)) {
      return null;
    }
    NavigableMap<Long, Long> bins = new TreeMap<>();
    latency.table("bins").forEach((ns, times) -> bins.put(ns.longValue(), times.longValue()));
    bins.values().removeIf(times -> times <= 0);
    return new Latency(
        count == null ? (long) side.number("total_ios") : count.longValue(),
        latency.number("min"),
        latency.number("max"),
        latency.number("mean"),
        latency.table("percentile"),
        bins);
  }

  private static Row.@Nullable Series series(@Nullable Fields own, String direction)
      throws IOException {
    Fields series = own == null ? null : own.object("series");
    List<Double> iops = series == null ? List.of() : series.numbers(direction + "_iops");
    if (series == null || iops.isEmpty()) {
      return null;
    }
    double intervalMs = series.number("interval_ms");
    if (intervalMs < 1) {
      throw series.wrong("interval_ms", "is %s; it has to be 1 or more".formatted(intervalMs));
    }
    return new Row.Series((long) intervalMs, iops);
  }

  /** An option of a job, of all jobs, or fio's default. */
  private String option(Fields job, String name, String otherwise) throws IOException {
    Fields options = job.object("job options");
    String value = options == null ? null : options.text(name);
    if (value == null && globals != null) {
      value = globals.text(name);
    }
    return value == null ? otherwise : value;
  }

  private int count(Fields job, String name) throws IOException {
    String value = option(job, name, "1");
    try {
      return Math.max(Integer.parseInt(value), 1);
    } catch (NumberFormatException e) {
      throw job.wrong("job options." + name, "is '%s', not a whole number".formatted(value));
    }
  }

  /** One spelling for each size; ranges and several sizes stay as they are. */
  private static String blocks(String option) {
    try {
      return Sizes.option(Sizes.parse(option));
    } catch (IllegalArgumentException e) {
      return option;
    }
  }

  Setup setup() throws IOException {
    Fields own = root.object("nvmed");
    List<Setup.Fact> facts = new ArrayList<>();
    add(facts, "Device", every("filename", "directory"));
    if (own != null) {
      add(facts, "Model", own.text("model"));
    }
    add(facts, "Engine", every("ioengine"));
    if (own != null) {
      String cpus = own.text("cpus");
      String cpu = own.text("cpu");
      add(facts, "CPU", cpu == null || cpus == null ? cpu : cpu + ", " + cpus + " threads");
      add(facts, "JDK", own.text("jdk"));
    }
    add(facts, "Program", root.text("fio version"));
    add(facts, "Date", date());
    if (own != null) {
      add(facts, "Tool cost", cost(own));
    }
    Boolean emulated = own == null ? null : (Boolean) "true".equals(own.text("emulated"));
    return new Setup(List.copyOf(facts), emulated);
  }

  private static void add(List<Setup.Fact> facts, String name, @Nullable String value) {
    if (value != null && !value.isBlank()) {
      facts.add(new Setup.Fact(name, value));
    }
  }

  /** The values that jobs have for an option, or for one that stands for it. */
  private String every(String... names) throws IOException {
    Set<String> values = new LinkedHashSet<>();
    for (Fields job : jobs) {
      for (String name : names) {
        String value = option(job, name, "");
        if (!value.isEmpty()) {
          values.add(value);
          break;
        }
      }
    }
    return String.join(", ", values);
  }

  private @Nullable String date() throws IOException {
    Double seconds = root.optional("timestamp");
    return seconds == null
        ? root.text("time")
        : DATE.format(Instant.ofEpochSecond(seconds.longValue()).atZone(ZoneOffset.UTC));
  }

  /** A cost of nothing was never measured, whatever has written the file. */
  private static String cost(Fields own) throws IOException {
    Double ns = own.optional("tool_ns_per_io");
    Double bytes = own.optional("tool_bytes_per_io");
    if (ns == null || ns <= 0) {
      return "not measured";
    }
    String text = String.format(Locale.ROOT, "%.1f ns", ns);
    return bytes == null
        ? text + " per I/O"
        : String.format(Locale.ROOT, "%s, %.1f B per I/O", text, bytes);
  }
}
