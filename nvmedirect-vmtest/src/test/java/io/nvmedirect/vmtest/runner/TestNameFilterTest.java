package io.nvmedirect.vmtest.runner;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TestNameFilterTest {

  @ParameterizedTest
  @CsvSource({
    "BTest, a.BTest, '', true",
    "BTest, a.BTest, m, true",
    "a.BTest, a.BTest, m, true",
    "Test, a.BTest, m, false",
    "b.BTest, a.BTest, m, false",
    "BTest, a.BTest$Nested, m, true",
    "BTest#m, a.BTest, m, true",
    "a.BTest#m, a.BTest, m, true",
    "BTest#m, a.BTest, n, false",
    "BTest#m, a.BTest, '', false",
  })
  void matches(String name, String className, String method, boolean expected) {
    assertThat(TestNameFilter.matches(name, className, method)).isEqualTo(expected);
  }
}
