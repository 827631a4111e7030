package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

final class DurationConverterTest {

  @ParameterizedTest
  @CsvSource({"5, 5000", "5s, 5000", "500ms, 500", "1m, 60000", "2h, 7200000", "3 S, 3000"})
  void convert_time(String text, long millis) {
    assertThat(new DurationConverter().convert(text)).hasMillis(millis);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "0ms", "-1", "s", "5x", "1.5s", "1000000000000"})
  void convert_noTime(String text) {
    assertThatExceptionOfType(TypeConversionException.class)
        .isThrownBy(() -> new DurationConverter().convert(text));
  }
}
