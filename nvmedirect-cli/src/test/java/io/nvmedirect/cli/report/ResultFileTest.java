package io.nvmedirect.cli.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ResultFileTest {

  @TempDir Path directory;

  @Test
  void read_ours() throws IOException {
    ResultFile file = ResultFile.read(golden("nvmed.json"));
    assertThat(file.jobs()).isEqualTo(1);
    assertThat(file.setup().emulated()).isTrue();
    assertThat(file.setup().facts())
        .containsExactly(
            new Setup.Fact("Device", "mem:1GiB"),
            new Setup.Fact("Model", "An embedded controller"),
            new Setup.Fact("Engine", "nvmed"),
            new Setup.Fact("CPU", "A processor, 2 threads"),
            new Setup.Fact("JDK", "25.0.1+8"),
            new Setup.Fact("Program", "nvmed-0.1.0-SNAPSHOT"),
            new Setup.Fact("Date", "2025-11-23 00:50 UTC"),
            new Setup.Fact("Tool cost", "31.5 ns, 0.0 B per I/O"));
    assertThat(file.rows()).extracting(Row::direction).containsExactly("read", "write");

    Row read = file.rows().getFirst();
    assertThat(read.name()).isEqualTo("mixed");
    assertThat(read.workload()).isEqualTo("randrw");
    assertThat(read.blocks()).isEqualTo("4k");
    assertThat(read.depth()).isEqualTo(32);
    assertThat(read.jobs()).isEqualTo(2);
    assertThat(read.operations()).isEqualTo(10);
    assertThat(read.iops()).isEqualTo(20.5);
    assertThat(read.bytesPerSecond()).isEqualTo(83_968);
    assertThat(read.cpuNsPerIo()).isEqualTo(812.5);
    assertThat(read.bytesPerIo()).isEqualTo(0.25);
    Row.Series series = Objects.requireNonNull(read.series());
    assertThat(series.intervalMs()).isEqualTo(100);
    assertThat(series.iops()).containsExactly(30.0, 10.0);

    Latency latency = Objects.requireNonNull(read.latency());
    assertThat(latency.minNs()).isEqualTo(900);
    assertThat(latency.bins())
        .containsExactly(entry(1000L, 6L), entry(2000L, 3L), entry(9000L, 1L));
    assertThat(latency.percentile(50)).hasValue(1001);
    assertThat(latency.percentile(90)).as("from the bins").hasValue(2000);
    assertThat(latency.percentile(99)).as("from the bins").hasValue(9000);
    assertThat(Objects.requireNonNull(read.due()).bins()).containsExactly(entry(5000L, 10L));
    assertThat(file.rows().get(1).due()).as("the same as from post").isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ", \"tool_ns_per_io\": 0.0, \"tool_bytes_per_io\": 0.0"})
  void read_toolNotMeasured_saysSo(String cost) throws IOException {
    Path path = directory.resolve("busy.json");
    Files.writeString(
        path,
        """
        {"nvmed": {"emulated": true%s},
         "jobs": [{"jobname": "scan", "read": {"total_ios": 5, "iops": 2.5, "bw": 10}}]}
        """
            .formatted(cost));
    assertThat(ResultFile.read(path).setup().facts())
        .contains(new Setup.Fact("Tool cost", "not measured"));
  }

  @Test
  void read_plainFioWithWarnings() throws IOException {
    ResultFile file = ResultFile.read(golden("fio.json"));
    assertThat(file.setup().emulated()).isNull();
    Row row = file.rows().getFirst();
    assertThat(file.rows()).hasSize(1);
    assertThat(row.blocks()).as("a global option").isEqualTo("128k");
    assertThat(row.workload()).as("a global option").isEqualTo("read");
    assertThat(row.depth()).as("fio's default").isEqualTo(1);
    assertThat(row.bytesPerSecond()).as("from KiB/s").isEqualTo(1000 * 1024);
    assertThat(row.series()).isNull();
    Latency latency = Objects.requireNonNull(row.latency());
    assertThat(latency.bins()).isEmpty();
    assertThat(latency.percentile(99.9)).hasValue(81_408);
    assertThat(latency.percentile(99.95)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          words                                 | has no JSON object
          [1]                                   | has no JSON object
          {"jobs": [                            | is no valid JSON
          {}                                    | jobs is missing
          {"jobs": {}}                          | jobs is no array
          {"jobs": [1]}                         | jobs[0] is no object
          {"jobs": []}                          | jobs have no I/O
          {"jobs": [{"read": {"total_ios": 0}}]} | jobs have no I/O
          {"jobs": [{"read": {"total_ios": "many"}}]} | jobs[0].read.total_ios is "many", not a number
          {"jobs": [{"read": {"total_ios": 1}}]} | jobs[0].read.iops is missing
          {"jobs": [{"read": {"total_ios": 1, "iops": 1}}]} | jobs[0].read.bw is missing
          {"jobs": [{"read": {"total_ios": 1, "iops": 1e999, "bw": 1}}]} | jobs[0].read.iops is
          {"jobs": [{"read": 7}]}               | jobs[0].read is no object
          {"jobs": [{"job options": {"iodepth": "deep"}, "read": {"total_ios": 1, "iops": 1, "bw": 1}}]} | jobs[0].job options.iodepth is 'deep'
          {"jobs": [{"read": {"total_ios": 1, "iops": 1, "bw": 1, "clat_ns": {"min": 1}}}]} | jobs[0].read.clat_ns.max is missing
          {"jobs": [{"read": {"total_ios": 1, "iops": 1, "bw": 1, "clat_ns": {"bins": {"x": 1}}}}]} | jobs[0].read.clat_ns.bins.x has a name that is no number
          """)
  void read_bad_namesFileAndPlace(String text, String message) throws IOException {
    Path file = Files.writeString(directory.resolve("bad.json"), text);
    assertThatThrownBy(() -> ResultFile.read(file))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(message);
  }

  @Test
  void read_noFile() {
    Path file = directory.resolve("none.json");
    assertThatThrownBy(() -> ResultFile.read(file))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessage(file.toString());
    assertThatThrownBy(() -> ResultFile.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessage(directory + ": is a directory");
  }

  @Test
  void read_whatFioWrites() throws Exception {
    assumeThat(onPath("fio")).as("fio is not installed").isTrue();
    Path result = directory.resolve("result.json");
    Process process =
        new ProcessBuilder(
                "fio",
                "--name=mixed",
                "--filename=" + directory.resolve("data"),
                "--size=4m",
                "--rw=randrw",
                "--bs=4k",
                "--iodepth=4",
                "--ioengine=psync",
                "--runtime=1",
                "--time_based",
                "--output-format=json+")
            .directory(directory.toFile())
            .redirectOutput(result.toFile())
            .redirectError(directory.resolve("errors").toFile())
            .start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(Files.readString(result)).isZero();

    ResultFile file = ResultFile.read(result);
    assertThat(file.setup().facts())
        .extracting(Setup.Fact::name)
        .contains("Device", "Engine", "Program", "Date");
    assertThat(file.rows()).extracting(Row::direction).containsExactly("read", "write");
    for (Row row : file.rows()) {
      assertThat(row.workload()).isEqualTo("randrw");
      assertThat(row.blocks()).isEqualTo("4k");
      assertThat(row.depth()).isEqualTo(4);
      assertThat(row.iops()).isPositive();
      assertThat(row.bytesPerSecond() / row.iops()).isBetween(4000.0, 4200.0);
      Latency latency = Objects.requireNonNull(row.latency());
      assertThat(latency.bins().values().stream().mapToLong(Long::longValue).sum())
          .isEqualTo(row.operations());
      double reported = latency.percentile(99).orElseThrow();
      double counted =
          new Latency(0, 0, 0, 0, new java.util.TreeMap<>(), latency.bins())
              .percentile(99)
              .orElseThrow();
      assertThat(counted / reported).isBetween(0.9, 1.1);
    }
  }

  @Test
  void series_thin_keepsTheMean() {
    Row.Series series = new Row.Series(100, List.of(1.0, 3.0, 5.0, 7.0, 9.0));
    assertThat(series.thin(5)).isEqualTo(series);
    assertThat(series.thin(3)).isEqualTo(new Row.Series(200, List.of(2.0, 6.0)));
  }

  private Path golden(String name) throws IOException {
    try (InputStream input = ResultFileTest.class.getResourceAsStream(name)) {
      byte[] bytes = Objects.requireNonNull(input, name).readAllBytes();
      return Files.writeString(directory.resolve(name), new String(bytes, StandardCharsets.UTF_8));
    }
  }

  private static boolean onPath(String program) {
    return Stream.of(System.getenv("PATH").split(":"))
        .anyMatch(entry -> Files.isExecutable(Path.of(entry, program)));
  }
}
