package io.nvmedirect.cli.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The results as the page's script takes them; latencies there are in microseconds. */
final class PageData {

  private static final List<Double> PERCENTILES =
      List.of(50.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99);
  private static final int MOST_INTERVALS = 600;

  private PageData() {}

  /** JSON that is safe within an element {@code script}. */
  static String of(List<ResultFile> files) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    List<String> names = names(files.stream().map(ResultFile::name).toList());
    ArrayNode setups = root.putArray("files");
    ArrayNode rows = root.putArray("rows");
    for (int i = 0; i < files.size(); i++) {
      addFile(setups.addObject(), names.get(i), files.get(i).setup());
      for (Row row : files.get(i).rows()) {
        addRow(rows.addObject().put("file", i), row);
      }
    }
    return escape(root.toString());
  }

  /** Names without directories and {@code .json} if they are different then; all different in any case. */
  static List<String> names(List<String> files) {
    List<String> plain = files.stream().map(PageData::plain).toList();
    List<String> names = new HashSet<>(plain).size() == plain.size() ? plain : files;
    if (new HashSet<>(names).size() == names.size()) {
      return names;
    }
    return IntStream.range(0, names.size())
        .mapToObj(i -> "%s (%d)".formatted(names.get(i), i + 1))
        .toList();
  }

  private static String plain(String file) {
    try {
      Path name = Path.of(file).getFileName();
      return name == null ? file : name.toString().replaceFirst("(?<=.)\\.json$", "");
    } catch (InvalidPathException e) {
      return file;
    }
  }

  /** Neither the end of the element nor a comment can be in it. */
  private static String escape(String json) {
    return json.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029");
  }

  private static void addFile(ObjectNode node, String name, Setup setup) {
    node.put("name", name).put("emulated", setup.emulated());
    ArrayNode facts = node.putArray("facts");
    for (Setup.Fact fact : setup.facts()) {
      facts.addArray().add(fact.name()).add(fact.value());
    }
  }

  private static void addRow(ObjectNode node, Row row) {
    node.put("job", row.job())
        .put("name", row.name())
        .put("rw", row.workload())
        .put("bs", row.blocks())
        .put("depth", row.depth())
        .put("jobs", row.jobs())
        .put("direction", row.direction())
        .put("ios", row.operations())
        .put("iops", row.iops())
        .put("bytesPerSecond", row.bytesPerSecond())
        .put("cpuNsPerIo", row.cpuNsPerIo())
        .put("bytesPerIo", row.bytesPerIo());
    addLatency(node, "latency", row.latency());
    addLatency(node, "due", row.due());
    Row.Series series = row.series();
    if (series == null) {
      node.putNull("series");
    } else {
      Row.Series thin = series.thin(MOST_INTERVALS);
      ArrayNode iops =
          node.putObject("series").put("intervalMs", thin.intervalMs()).putArray("iops");
      thin.iops().forEach(iops::add);
    }
  }

  private static void addLatency(ObjectNode row, String name, @Nullable Latency latency) {
    if (latency == null) {
      row.putNull(name);
      return;
    }
    ObjectNode node = row.putObject(name);
    node.put("min", latency.minNs() / 1e3)
        .put("mean", latency.meanNs() / 1e3)
        .put("max", latency.maxNs() / 1e3);
    ObjectNode percentiles = node.putObject("percentiles");
    for (double percentile : PERCENTILES) {
      latency
          .percentile(percentile)
          .ifPresent(ns -> percentiles.put(shortest(percentile), ns / 1e3));
    }
    ArrayNode reported = node.putArray("reported");
    latency
        .percentiles()
        .forEach((percentile, ns) -> reported.addArray().add(percentile).add(ns / 1e3));
    if (latency.bins().isEmpty()) {
      node.putNull("bins");
      return;
    }
    ObjectNode bins = node.putObject("bins");
    ArrayNode us = bins.putArray("us");
    latency.bins().keySet().forEach(ns -> us.add(ns / 1e3));
    ArrayNode counts = bins.putArray("counts");
    latency.bins().values().forEach(counts::add);
  }

  /** As the script's numbers become keys: 50 and 99.9. */
  private static String shortest(double percentile) {
    return percentile == Math.rint(percentile)
        ? Long.toString((long) percentile)
        : Double.toString(percentile);
  }
}
