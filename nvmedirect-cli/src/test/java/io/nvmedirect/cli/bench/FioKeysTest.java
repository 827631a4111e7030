package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FioKeysTest {

  /** fio itself says which keys there are. */
  @Test
  void all_areKnown() throws Exception {
    Process process;
    try {
      process =
          new ProcessBuilder("fio", "--cmdhelp=all")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      assumeTrue(false, "fio is not installed: " + e.getMessage());
      return;
    }
    String help = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    List<String> keys =
        help.lines()
            .map(line -> line.strip().replaceFirst("[\\s:].*", ""))
            .filter(key -> !key.isEmpty())
            .toList();

    assertThat(keys).hasSizeGreaterThan(150).contains("rw", "zonemode", "gtod_reduce");
    assertThat(keys).filteredOn(key -> !isKnown(FioKeys.canonical(key))).isEmpty();
  }

  private static boolean isKnown(String key) {
    return FioKeys.isUsed(key)
        || FioKeys.refusal(key, "x") != null
        || !FioKeys.whyIgnored(key).contains("known here");
  }

  @Test
  void refusal_onlyOfValuesThatChangeSomething() {
    assertThat(FioKeys.refusal("zonemode", "none")).isNull();
    assertThat(FioKeys.refusal("zonemode", "zbd")).isNotNull();
    assertThat(FioKeys.refusal("percentage_random", "100")).isNull();
    assertThat(FioKeys.refusal("percentage_random", "30")).isNotNull();
    assertThat(FioKeys.refusal("verify_only", "")).isNotNull();
    assertThat(FioKeys.refusal("verify_only", "0")).isNull();
  }
}
