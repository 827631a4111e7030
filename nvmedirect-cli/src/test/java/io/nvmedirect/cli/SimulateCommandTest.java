package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SimulateCommandTest {

  @Test
  void runs_areCountedAndSaid() {
    Cli.Result result = Cli.run("simulate", "--seed", "7", "--seeds", "3");
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("first seed: 7").contains("3 runs without a fault");
  }

  @Test
  void trace_hasAllOfARun_andIsTheSameAgain() {
    Cli.Result result = Cli.run("simulate", "--seed", "7", "--seeds", "1", "--trace");
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("seed 7: mem:").contains("closed");
    Cli.Result again = Cli.run("simulate", "--seed", "7", "--seeds", "1", "--trace");
    assertThat(trace(again)).isNotEmpty().isEqualTo(trace(result));
  }

  private static String trace(Cli.Result result) {
    return result.out().substring(0, result.out().indexOf("1 runs without"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--seeds=0", "--minutes=0", "--seeds=-1", "--seed=x"})
  void misuse_isNamed(String option) {
    Cli.Result result = Cli.run("simulate", option);
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains(option.substring(option.indexOf('=') + 1));
  }
}
