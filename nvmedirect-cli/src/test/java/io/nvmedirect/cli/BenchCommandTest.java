package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class BenchCommandTest {

  @TempDir Path directory;

  @Test
  void bench_memory_readsAndThenWrites() {
    Cli.Result result = Cli.run("bench", "mem:16MiB", "--io-size", "1m", "--ramp-time", "1ms");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.err()).isEmpty();
    assertThat(result.out())
        .contains("mem:16MiB?mode=thread", "emulated", "4 KiB", "iodepth 32", "warm-up", "JDK")
        .containsPattern("WORKLOAD +IOPS +MB/s +MEAN µs +P50 µs +P99 µs +P99.9 µs +MAX µs +CPU")
        .containsPattern("(?m)^randread +[1-9]")
        .containsPattern("(?m)^randwrite +[1-9]");
  }

  @Test
  void bench_json() throws IOException {
    Path file = directory.resolve("result.json");
    Cli.Result result =
        Cli.run(
            "bench",
            "mem:16MiB?mode=inline",
            "--rw",
            "read,write,randrw",
            "--bs",
            "8k",
            "--iodepth",
            "3",
            "--queues",
            "2",
            "--io-size",
            "4m",
            "--json",
            file.toString());
    assertThat(result.status()).as(result.err()).isZero();
    JsonNode json = new ObjectMapper().readTree(file.toFile());
    assertThat(json.at("/nvmed/emulated").asBoolean()).isTrue();
    // Absent if the cores are too busy to measure it, and never 0.
    JsonNode cost = json.at("/nvmed/tool_ns_per_io");
    assertThat(cost.isMissingNode() || cost.asDouble() > 0).as(cost.toString()).isTrue();
    assertThat(json.get("jobs").findValuesAsText("jobname"))
        .containsExactly("read", "write", "randrw");
    for (JsonNode job : json.get("jobs")) {
      JsonNode options = job.get("job options");
      assertThat(options.get("filename").asText()).isEqualTo("mem:16MiB?mode=inline");
      assertThat(options.get("bs").asText()).isIn("8k", "8192");
      String rw = options.get("rw").asText();
      if (rw.contains("r")) {
        for (String side : rw.equals("write") ? List.of("write") : List.of("read")) {
          JsonNode of = job.get(side);
          assertThat(of.get("total_ios").asLong()).isPositive();
          assertThat(of.get("io_bytes").asLong()).isEqualTo(8192 * of.get("total_ios").asLong());
          JsonNode latency = of.get("clat_ns");
          long p50 = latency.at("/percentile/50.000000").asLong();
          long p99 = latency.at("/percentile/99.000000").asLong();
          assertThat(p50).isBetween(1L, p99);
          assertThat(p99).isLessThanOrEqualTo(latency.get("max").asLong());
        }
      }
      assertThat(job.at("/nvmed/process_cpu_ns_per_io").asDouble()).isNotNegative();
    }
  }

  @Test
  void bench_jsonOnStandardOutput_isJsonAlone() throws IOException {
    Cli.Result result =
        Cli.run("bench", "mem:4MiB", "--rw", "randread", "--runtime", "100ms", "--json", "-");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(new ObjectMapper().readTree(result.out()).get("jobs")).hasSize(1);
  }

  @Test
  void bench_fileWithoutLoad_onlyReads() {
    String address = "file:%s?size=4MiB".formatted(directory.resolve("b.img"));
    Cli.Result result = Cli.run("bench", address, "--runtime", "100ms");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).contains("randread").doesNotContain("randwrite");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bench mem:1MiB?lba=4096 --bs 512 --runtime 100ms",
        "bench mem:1MiB --bs 2MiB --runtime 100ms",
        "bench mem:64MiB --bs 1g --runtime 100ms",
        "bench mem:1MiB --iodepth 65535 --runtime 100ms",
        "bench mem:1MiB --queues 1000 --runtime 100ms",
        "bench mem:1MiB --json /nonexistent/result.json --runtime 1h"
      })
  void bench_impossible_exits1BeforeItRuns(String line) {
    Cli.Result result = Cli.run(line.split(" "));
    assertThat(result.status()).as(line + ": " + result).isEqualTo(1);
    assertThat(result.err()).startsWith("nvmed: ").doesNotContain("\tat ", "unexpected error");
    assertThat(result.out()).isEmpty();
  }
}
