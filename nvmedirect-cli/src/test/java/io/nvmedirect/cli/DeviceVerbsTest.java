package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** info, smart, flush, discard and format. */
final class DeviceVerbsTest {

  @TempDir Path directory;

  @Test
  void info_withoutAddress_showsTheEmbeddedController() {
    Cli.Result result = Cli.run("info");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out())
        .contains("mem:256MiB", "Model", "Serial number", "Firmware", "1.4", "MDTS", "256 MiB")
        .containsPattern("512\\*.*4096|4096.*512\\*");
  }

  @Test
  void info_json() throws IOException {
    JsonNode json = json("info", "--json", "mem:64MiB?lba=4096&ns=2");
    assertThat(json.get("address").asText()).isEqualTo("mem:64MiB?lba=4096&ns=2");
    assertThat(json.get("version").asText()).startsWith("1.4");
    assertThat(json.get("maxQueues").asInt()).isPositive();
    assertThat(json.get("queuePriorities").asBoolean()).isFalse();
    JsonNode weighted = json("info", "--json", "mem:1MiB?arbitration=wrr");
    assertThat(weighted.get("queuePriorities").asBoolean()).isTrue();
    assertThat(json.get("namespaces")).hasSize(2);
    JsonNode first = json.get("namespaces").get(0);
    assertThat(first.get("blockBytes").asInt()).isEqualTo(4096);
    assertThat(first.get("sizeBytes").asLong()).isEqualTo(first.get("sizeBlocks").asLong() * 4096);
    assertThat(first.get("formats").findValuesAsText("current")).containsOnlyOnce("true");
  }

  @Test
  void smart_hasUnits() {
    Cli.Result result = Cli.run("smart", "mem:1MiB");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).contains("Critical warning", "°C", "Power on", "Media errors");
  }

  @Test
  void smart_json() throws IOException {
    JsonNode json = json("smart", "mem:1MiB", "--json");
    assertThat(json.get("temperatureCelsius").asInt()).isBetween(-40, 120);
    assertThat(json.get("hostReadCommands").isIntegralNumber()).isTrue();
    assertThat(json.get("criticalWarnings").isArray()).isTrue();
  }

  @Test
  void flush() {
    Cli.Result result = Cli.run("flush", "mem:1MiB");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).startsWith("mem:1MiB flushed");
  }

  @Test
  void discard_range_readsAsZeroes() {
    String address = "file:%s?size=1MiB".formatted(directory.resolve("d.img"));
    byte[] data = "x".repeat(4096).getBytes(StandardCharsets.US_ASCII);
    assertThat(Cli.run(data, directory, "write", address, "--input", "-").status()).isZero();
    Cli.Result result = Cli.run("discard", address, "--offset", "1k", "--length", "2k");
    assertThat(result.status()).as(result.err()).isZero();
    byte[] after = Cli.run("read", address, "--length", "4k", "--output", "-").data();
    for (int i = 0; i < after.length; i++) {
      assertThat((int) after[i]).isEqualTo(i >= 1024 && i < 3072 ? 0 : 'x');
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "discard mem:1MiB --offset 1 --length 512",
        "discard mem:1MiB --offset 0 --length 100",
        "discard mem:1MiB --offset 1MiB --length 512",
        "format mem:1MiB --lba 1024 --force",
        "info mem:1MiB --namespace 2"
      })
  void impossible_exits1(String line) {
    Cli.Result result = Cli.run(line.split(" "));
    assertThat(result.status()).as(line + ": " + result).isEqualTo(1);
    assertThat(result.err()).startsWith("nvmed: ").doesNotContain("\tat ", "unexpected error");
  }

  @Test
  void format_changesBlockSizeAndErases() throws IOException {
    String address = "file:%s?size=1MiB".formatted(directory.resolve("f.img"));
    byte[] data = {1, 2, 3};
    assertThat(Cli.run(data, directory, "write", address, "--input", "-").status()).isZero();
    Cli.Result result = Cli.run("format", address, "--lba", "4096", "--force");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).contains("256 blocks of 4096 bytes (1 MiB)");
    assertThat(Cli.run("read", address, "--length", "3", "--output", "-").data())
        .isEqualTo(new byte[3]);
  }

  @Test
  void format_withoutForce_asksForIt() {
    Cli.Result result = Cli.run("format", "mem:1MiB", "--lba", "4096");
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains("mem:1MiB", "--force");
  }

  private static JsonNode json(String... arguments) throws IOException {
    Cli.Result result = Cli.run(arguments);
    assertThat(result.status()).as(result.err()).isZero();
    return new ObjectMapper().readTree(result.out());
  }
}
