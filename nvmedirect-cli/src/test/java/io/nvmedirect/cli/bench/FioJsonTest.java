package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeType;
import io.nvmedirect.cli.format.Json;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FioJsonTest {

  private static final RunInfo RUN =
      new RunInfo(
          "0.1.0",
          "25.0.1+8",
          "a CPU",
          2,
          "a model",
          true,
          new ToolCost(31.5, 0.25),
          Instant.ofEpochMilli(1763859000123L),
          List.of(new DiskUse("vda", List.of(1L, 2L, 80L, 3L, 4L, 5L, 320L, 6L, 0L, 500L, 9L))),
          2000);

  @TempDir Path directory;

  private static Histogram histogram(long... values) {
    Histogram histogram = new Histogram(3);
    for (long value : values) {
      histogram.recordValue(value);
    }
    return histogram;
  }

  private static Job job(String... options) {
    JobOptions job = new JobOptions();
    for (int i = 0; i < options.length; i += 2) {
      job.set(options[i], options[i + 1]);
    }
    return job.build();
  }

  /** Two seconds: four reads of 6 KiB on average, two writes of 4 KiB, one flush. */
  private static Result mixed() {
    Histogram reads = histogram(1000, 2000, 3000, 20_000_000_000L);
    Histogram writes = histogram(500, 700);
    return new Result(
        job("name", "mix", "filename", "mem:1GiB", "rw", "randrw", "iodepth", "4", "runtime", "2"),
        3,
        2,
        2.0,
        new Result.Side(24576, reads, histogram(1500, 2500, 3500, 20_000_000_000L)),
        new Result.Side(8192, writes, writes),
        histogram(90_000),
        depths(),
        new Result.Usage(6000, 400_000_000, 1_000_000_000, 600, 7, 11, 21, 1, 34),
        new Result.Series(500, List.of(1L, 2L, 1L, 0L), List.of(1L, 1L, 0L, 0L)));
  }

  private static Depths depths() {
    Depths depths = new Depths();
    for (int inFlight : new int[] {1, 2, 3, 4, 31, 32, 63, 64, 65, 1000}) {
      depths.posted(inFlight);
    }
    for (int count : new int[] {0, 1, 4, 5, 8, 9, 16, 17, 64, 65}) {
      depths.submitted(count);
    }
    depths.completed(3);
    return depths;
  }

  /** Reads only. */
  private static Result reading() {
    Histogram reads = histogram(1000, 1000);
    return new Result(
        job("name", "r", "filename", "mem:1GiB"),
        4,
        1,
        2.0,
        new Result.Side(8192, reads, reads),
        new Result.Side(0, histogram(), histogram()),
        histogram(),
        new Depths(),
        new Result.Usage(0, 0, 0, 0, 0, 0, 0, 0, 0),
        new Result.Series(1000, List.of(1L, 1L), List.of(0L, 0L)));
  }

  private static JsonNode json(Result... results) throws IOException {
    return new ObjectMapper().readTree(Json.text(FioJson.of(RUN, List.of(results))));
  }

  @Test
  void of_head() throws IOException {
    JsonNode json = json(mixed(), reading());
    assertThat(json.get("fio version").textValue()).isEqualTo("nvmed-0.1.0");
    assertThat(json.get("timestamp").longValue()).isEqualTo(1763859000L);
    assertThat(json.get("timestamp_ms").longValue()).isEqualTo(1763859000123L);
    assertThat(json.get("time").textValue())
        .matches("[A-Z][a-z]{2} Nov 2[2-4] \\d\\d:\\d\\d:\\d\\d 2025");
    assertThat(json.get("nvmed"))
        .isEqualTo(
            new ObjectMapper()
                .readTree(
                    """
                    {"jdk": "25.0.1+8", "cpu": "a CPU", "cpus": 2, "model": "a model", "emulated": true,
                     "tool_ns_per_io": 31.5, "tool_bytes_per_io": 0.25}
                    """));
    assertThat(json.get("jobs")).hasSize(2);
  }

  @Test
  void of_toolNotMeasured_isAbsent() throws IOException {
    RunInfo busy =
        new RunInfo(
            RUN.program(),
            RUN.jdk(),
            RUN.cpu(),
            RUN.cpus(),
            RUN.model(),
            RUN.emulated(),
            null,
            RUN.start(),
            RUN.disks(),
            RUN.elapsedMs());
    JsonNode json = new ObjectMapper().readTree(Json.text(FioJson.of(busy, List.of(mixed()))));
    assertThat(json.get("nvmed").fieldNames())
        .toIterable()
        .containsExactly("jdk", "cpu", "cpus", "model", "emulated");
  }

  @Test
  void of_job() throws IOException {
    JsonNode job = json(mixed()).at("/jobs/0");
    assertThat(job.get("jobname").textValue()).isEqualTo("mix");
    assertThat(job.get("groupid").intValue()).isEqualTo(3);
    assertThat(job.get("elapsed").intValue()).isEqualTo(2);
    assertThat(job.get("job_runtime").intValue()).isEqualTo(2000);
    // Two workers for two seconds each.
    assertThat(job.get("usr_cpu").doubleValue()).isEqualTo(10.0);
    assertThat(job.get("sys_cpu").doubleValue()).isEqualTo(25.0);
    assertThat(job.at("/job options/rw").textValue()).isEqualTo("randrw");
    assertThat(job.at("/job options/iodepth").textValue()).isEqualTo("4");
    assertThat(job.at("/job options/runtime").textValue()).isEqualTo("2s");
    assertThat(job.at("/sync/total_ios").intValue()).isEqualTo(1);
    assertThat(job.at("/sync/lat_ns/mean").doubleValue()).isCloseTo(90_000, within(100.0));
    assertThat(job.get("nvmed"))
        .isEqualTo(
            new ObjectMapper()
                .readTree(
                    """
                    {"workers": 2, "process_cpu_ns_per_io": 1000.0, "bytes_allocated_per_io": 100.0,
                     "collections": 7, "collection_ms": 11,
                     "series": {"interval_ms": 500, "read_iops": [2.0, 4.0, 2.0, 0.0],
                                "write_iops": [2.0, 2.0, 0.0, 0.0]}}
                    """));
  }

  /** By fio's bounds: levels of 1, 2 to 3, 4 to 7 …; calls with none, up to 4, 8, 16 …. */
  @Test
  void of_sharesByDepth() throws IOException {
    JsonNode job = json(mixed()).at("/jobs/0");
    assertThat(job.get("iodepth_level"))
        .isEqualTo(
            tree(
                """
                {"1": 10.0, "2": 20.0, "4": 10.0, "8": 0.0, "16": 10.0, "32": 20.0, ">=64": 30.0}
                """));
    assertThat(job.get("iodepth_submit"))
        .isEqualTo(
            tree(
                """
                {"0": 10.0, "4": 20.0, "8": 20.0, "16": 20.0, "32": 10.0, "64": 10.0, ">=64": 10.0}
                """));
    assertThat(job.at("/iodepth_complete/4").doubleValue()).isEqualTo(100.0);
    assertThat(job.get("latency_depth").intValue()).isEqualTo(4);
  }

  /** Each of six I/Os is in one class: 500 and 700 ns, 1, 2 and 3 µs, 20 s. */
  @Test
  void of_sharesByLatency() throws IOException {
    JsonNode job = json(mixed()).at("/jobs/0");
    double sixth = 100 / 6.0;
    assertThat(job.at("/latency_ns/750").doubleValue()).isCloseTo(2 * sixth, within(1e-9));
    assertThat(job.at("/latency_us/2").doubleValue()).isCloseTo(sixth, within(1e-9));
    assertThat(job.at("/latency_us/4").doubleValue()).isCloseTo(2 * sixth, within(1e-9));
    assertThat(job.at("/latency_ms/>=2000").doubleValue()).isCloseTo(sixth, within(1e-9));
    double all = 0;
    for (String unit : List.of("ns", "us", "ms")) {
      for (JsonNode share : job.get("latency_" + unit)) {
        all += share.doubleValue();
      }
    }
    assertThat(all).isCloseTo(100, within(1e-9));
  }

  @Test
  void of_countersOfTheKernel() throws IOException {
    JsonNode json = json(mixed());
    assertThat(json.at("/jobs/0/ctx").intValue()).isEqualTo(21);
    assertThat(json.at("/jobs/0/majf").intValue()).isEqualTo(1);
    assertThat(json.at("/jobs/0/minf").intValue()).isEqualTo(34);
    assertThat(json.get("disk_util"))
        .isEqualTo(
            tree(
                """
                [{"name": "vda", "read_ios": 1, "write_ios": 4, "read_merges": 2, "write_merges": 5,
                  "read_ticks": 3, "write_ticks": 6, "in_queue": 9, "util": 25.0}]
                """));
  }

  private static JsonNode tree(String text) throws IOException {
    return new ObjectMapper().readTree(text);
  }

  @Test
  void of_side() throws IOException {
    JsonNode read = json(mixed()).at("/jobs/0/read");
    assertThat(read.get("io_bytes").longValue()).isEqualTo(24576);
    assertThat(read.get("io_kbytes").longValue()).isEqualTo(24);
    assertThat(read.get("bw_bytes").longValue()).isEqualTo(12288);
    assertThat(read.get("bw").longValue()).isEqualTo(12);
    assertThat(read.get("iops").doubleValue()).isEqualTo(2.0);
    assertThat(read.get("runtime").longValue()).isEqualTo(2000);
    assertThat(read.get("total_ios").longValue()).isEqualTo(4);
    assertThat(read.get("iops_min").longValue()).isZero();
    assertThat(read.get("iops_max").longValue()).isEqualTo(4);
    assertThat(read.get("iops_mean").doubleValue()).isEqualTo(2.0);
    assertThat(read.get("iops_stddev").doubleValue()).isCloseTo(1.632993, within(1e-6));
    assertThat(read.get("iops_samples").longValue()).isEqualTo(4);
    assertThat(read.get("bw_min").longValue()).isZero();
    assertThat(read.get("bw_max").longValue()).isEqualTo(24);
    assertThat(read.get("bw_mean").doubleValue()).isEqualTo(12.0);
    assertThat(read.get("bw_dev").doubleValue()).isCloseTo(9.797959, within(1e-6));
    assertThat(read.get("bw_agg").doubleValue()).isEqualTo(100.0);
    assertThat(read.at("/slat_ns/N").longValue()).isZero();
  }

  @Test
  void of_shareOfTheGroup() throws IOException {
    Result first = mixed();
    JsonNode json = json(first, mixed(), reading());
    assertThat(json.at("/jobs/0/read/bw_agg").doubleValue()).isEqualTo(50.0);
    assertThat(json.at("/jobs/2/read/bw_agg").doubleValue()).isEqualTo(100.0);
  }

  @Test
  void of_latencies() throws IOException {
    JsonNode clat = json(mixed()).at("/jobs/0/read/clat_ns");
    assertThat(clat.get("N").longValue()).isEqualTo(4);
    assertThat(clat.get("min").longValue()).isEqualTo(1000);
    assertThat(clat.get("max").longValue()).isBetween(20_000_000_000L, 20_020_000_000L);
    assertThat(clat.get("mean").doubleValue()).isCloseTo(5_000_001_500.0, within(5e6));
    assertThat(clat.at("/percentile/50.000000").longValue()).isBetween(2000L, 2002L);
    assertThat(clat.at("/percentile/99.990000").longValue()).isEqualTo(clat.get("max").longValue());
    assertThat(clat.get("percentile")).hasSize(17);
    // What is longer than fio's last bin is in it.
    assertThat(clat.get("bins"))
        .isEqualTo(
            new ObjectMapper()
                .readTree("{\"1000\": 1, \"2000\": 1, \"3001\": 1, \"17112760320\": 1}"));
    assertThat(json(mixed()).at("/jobs/0/read/lat_ns/min").longValue()).isEqualTo(1500);
  }

  @Test
  void of_withoutIo() throws IOException {
    JsonNode write = json(reading()).at("/jobs/0/write");
    assertThat(write.get("runtime").longValue()).isZero();
    assertThat(write.get("iops").doubleValue()).isZero();
    assertThat(write.get("iops_samples").longValue()).isZero();
    assertThat(write.at("/clat_ns/N").longValue()).isZero();
    assertThat(write.get("clat_ns").has("bins")).isFalse();
    assertThat(write).isEqualTo(json(reading()).at("/jobs/0/trim"));
  }

  /**
   * What scripts that read fio's results may look for is there: all names of fio 3.33, whose output the file is, and
   * none but these.
   */
  @Test
  void of_hasAllNamesOfFio() throws IOException {
    Map<String, String> theirs = new TreeMap<>();
    try (InputStream file = FioJsonTest.class.getResourceAsStream("fio-3.33.json")) {
      types("", new ObjectMapper().readTree(file), theirs);
    }
    Map<String, String> ours = new TreeMap<>();
    types("", json(mixed()), ours);
    assertThat(theirs).hasSizeGreaterThan(250);
    // Its options are those that it was given.
    theirs.keySet().removeIf(path -> path.startsWith("/jobs/0/job options/"));
    ours.keySet().removeIf(path -> path.startsWith("/jobs/0/job options/"));
    // Ours, and what fio writes if its job file has such a section.
    ours.keySet().removeIf(path -> path.contains("/nvmed") || path.equals("/global options"));

    assertThat(ours).containsExactlyEntriesOf(theirs);
  }

  /** Whatever is written has the name and the type that it has in fio's own output. */
  @Test
  void of_namesAndTypesAreThoseOfFio() throws Exception {
    assumeTrue(found("fio"), "fio is not installed");
    Path output = directory.resolve("fio.json");
    run(
        "fio",
        "--name=x",
        "--filename=" + directory.resolve("file"),
        "--size=1m",
        "--rw=randrw",
        "--fsync=4",
        "--ioengine=psync",
        "--clat_percentiles=1",
        "--lat_percentiles=1",
        "--output-format=json+",
        "--output=" + output);
    Map<String, String> theirs = new TreeMap<>();
    types("", new ObjectMapper().readTree(output.toFile()).at("/jobs/0"), theirs);
    Map<String, String> ours = new TreeMap<>();
    types("", json(mixed()).at("/jobs/0"), ours);
    ours.keySet().removeIf(path -> path.startsWith("/nvmed") || path.startsWith("/job options/"));

    assertThat(ours).hasSizeGreaterThan(100);
    assertThat(theirs).containsAllEntriesOf(ours);
  }

  /** The types of all paths of a tree; the names of bins are values. */
  private static void types(String path, JsonNode node, Map<String, String> types) {
    boolean number = node.getNodeType() == JsonNodeType.NUMBER;
    String type = number && node.isIntegralNumber() ? "INTEGER" : node.getNodeType().name();
    types.put(path.replaceFirst("/bins/\\d+$", "/bins/N"), type);
    for (int i = 0; i < (node.isArray() ? node.size() : 0); i++) {
      types(path + "/" + i, node.get(i), types);
    }
    node.properties().forEach(field -> types(path + "/" + field.getKey(), field.getValue(), types));
  }

  /** fio's own converter reads the bins. */
  @Test
  void of_isReadByFiosTool() throws Exception {
    assumeTrue(found("fio_jsonplus_clat2csv"), "fio_jsonplus_clat2csv is not installed");
    assumeTrue(found("python3"), "python3 is not installed");
    Path source = directory.resolve("result.json");
    Files.writeString(source, Json.text(FioJson.of(RUN, List.of(mixed(), reading()))));
    Path target = directory.resolve("lat.csv");

    run("fio_jsonplus_clat2csv", source.toString(), target.toString());
    assertThat(run("fio_jsonplus_clat2csv", source.toString(), target.toString(), "--validate"))
        .contains("lat_job0.csv validated", "lat_job1.csv validated");

    assertThat(sum("lat_job0.csv", "read_clat_ns_count")).isEqualTo(4);
    assertThat(sum("lat_job0.csv", "read_lat_ns_count")).isEqualTo(4);
    assertThat(sum("lat_job0.csv", "write_clat_ns_count")).isEqualTo(2);
    assertThat(sum("lat_job1.csv", "read_clat_ns_count")).isEqualTo(2);
    assertThat(sum("lat_job1.csv", "write_clat_ns_count")).isZero();
  }

  private long sum(String file, String column) throws IOException {
    List<String> lines = Files.readAllLines(directory.resolve(file));
    int index = List.of(lines.getFirst().split(", *")).indexOf(column);
    assertThat(index).isPositive();
    return lines.stream()
        .skip(1)
        .map(line -> line.split(",", -1)[index].strip())
        .filter(count -> !count.isEmpty())
        .mapToLong(Long::parseLong)
        .sum();
  }

  private static boolean found(String program) {
    for (String part : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
      if (Files.isExecutable(Path.of(part, program))) {
        return true;
      }
    }
    return false;
  }

  private String run(String... command) throws Exception {
    Path log = Files.createTempFile(directory, "run", ".log");
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    String output = Files.readString(log);
    assertThat(process.exitValue()).as(String.join(" ", command) + ": " + output).isZero();
    return output;
  }
}
