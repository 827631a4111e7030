package io.nvmedirect.cli.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SizesTest {

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "4096, 4096",
    "512b, 512",
    "512 B, 512",
    "4k, 4096",
    "4K, 4096",
    "4kB, 4096",
    "4KiB, 4096",
    "4ki, 4096",
    "1MiB, 1048576",
    "1m, 1048576",
    "1.5g, 1610612736",
    "1GiB, 1073741824",
    "2 TiB, 2199023255552",
    "7p, 7881299347898368",
    "9223372036854775807, 9223372036854775807"
  })
  void parse_size(String text, long bytes) {
    assertThat(Sizes.parse(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "k",
        "-1",
        "4q",
        "4kk",
        "1e3",
        "0x10",
        "1,5k",
        "1.k",
        "0.1",
        "8388608T",
        "9223372036854775808"
      })
  void parse_noSize(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Sizes.parse(text))
        .withMessageContaining("'" + text + "'");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0 B",
    "1023, 1023 B",
    "1024, 1 KiB",
    "1536, 1.50 KiB",
    "268435456, 256 MiB",
    "1099511627776, 1 TiB",
    "9223372036854775807, 8192.00 PiB"
  })
  void format_size(long bytes, String text) {
    assertThat(Sizes.format(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1000, 1000", "4096, 4k", "6144, 6k", "1048576, 1m", "512, 512"})
  void option_size(long bytes, String text) {
    assertThat(Sizes.option(bytes)).isEqualTo(text);
  }

  @Test
  void option_parsesBack() {
    for (long bytes = 1; bytes > 0; bytes <<= 1) {
      assertThat(Sizes.parse(Sizes.option(bytes))).isEqualTo(bytes);
    }
  }
}
