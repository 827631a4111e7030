package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class UsageTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "list", "bind", "unbind", "doctor", "info", "smart", "read", "write", "copy", "discard",
        "flush", "format", "bench", "report", "serve"
      })
  void help_everyVerbHasExamples(String verb) {
    Cli.Result result = Cli.run(verb, "--help");
    assertThat(result.status()).isZero();
    assertThat(result.err()).isEmpty();
    assertThat(result.out())
        .contains("Usage: nvmed " + verb, "Examples:", "\n  nvmed " + verb, "Exit status:")
        .doesNotContain("Reads, writes, copies");
  }

  @Test
  void help_namesVerbsAndAddresses() {
    Cli.Result result = Cli.run("--help");
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("bench", "mem:256MiB", "/dev/nvme0n1", "tcp://");
  }

  @Test
  void version() {
    Cli.Result result = Cli.run("--version");
    assertThat(result.status()).isZero();
    assertThat(result.out()).startsWith("nvmed ").contains("JDK " + Runtime.version());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "--nonsense",
        "list extra",
        "bind",
        "bind 0000:01:00.0 --force",
        "unbind",
        "doctor extra",
        "info --namespace 0",
        "info --namespace x",
        "read mem:1MiB",
        "read mem:1MiB --length 4q --output -",
        "read mem:1MiB --length -1 --output -",
        "write mem:1MiB",
        "copy mem:1MiB",
        "copy one two",
        "copy - mem:1MiB",
        "copy file:/x file:/x",
        "copy --verify /dev/zero mem:1MiB",
        "discard mem:1MiB",
        "format mem:1MiB --force",
        "format mem:1MiB --lba 513 --force",
        "format mem:1MiB --lba 4096",
        "bench --rw sideways",
        "bench --runtime 0",
        "bench --runtime soon",
        "bench --bs 0",
        "bench --iodepth 0",
        "bench --queues 0",
        "report --html x.html",
        "report result.json"
      })
  void misuse_exits2(String line) {
    Cli.Result result = Cli.run(line.isEmpty() ? new String[0] : line.split(" "));
    assertThat(result.status()).as(line + ": " + result).isEqualTo(2);
    assertThat(result.out()).isEmpty();
    assertThat(result.err()).startsWith("nvmed: ").doesNotContain("\tat ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "info mem:nonsense",
        "info nowhere",
        "info file:/nonexistent/directory/x?size=1MiB"
      })
  void addressThatCannotBeOpened_exits1(String line) {
    Cli.Result result = Cli.run(line.split(" "));
    assertThat(result.status()).as(line + ": " + result).isEqualTo(1);
    assertThat(result.err())
        .startsWith("nvmed: ")
        .contains(line.substring("info ".length()))
        .doesNotContain("\tat ", "unexpected error");
  }

  @Test
  void debug_showsStackTrace() {
    assertThat(Cli.run("info", "nowhere", "--debug").err()).contains("\tat ");
  }
}
