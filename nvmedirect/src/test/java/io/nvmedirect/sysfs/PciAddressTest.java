package io.nvmedirect.sysfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PciAddressTest {

  @ParameterizedTest
  @CsvSource({
    "0000:01:00.0, 0000:01:00.0",
    "01:00.0, 0000:01:00.0",
    "pci:0000:01:00.0, 0000:01:00.0",
    "pci:fF:1f.7, 0000:ff:1f.7",
    "10000:e1:00.0, 10000:e1:00.0"
  })
  void parse_everyForm(String text, String address) {
    assertThat(PciAddress.parse(text)).hasToString(address);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0000:01:00",
        "0000:01:00.8",
        "01:20.0",
        "000:01:00.0",
        "pci:",
        "nvme0",
        " 01:00.0"
      })
  void parse_noAddress_namesItAndTheRightForm(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PciAddress.parse(text))
        .withMessageContaining("'" + text + "'")
        .withMessageContaining("0000:01:00.0");
  }

  @Test
  void compareTo_domainFirst() {
    assertThat(PciAddress.parse("10000:00:00.0")).isGreaterThan(PciAddress.parse("0000:ff:1f.7"));
    assertThat(PciAddress.parse("0000:02:00.0")).isGreaterThan(PciAddress.parse("0000:01:1f.7"));
  }
}
