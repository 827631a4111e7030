package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.spec.NvmeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VfioAddressTest {

  @ParameterizedTest
  @CsvSource({
    "pci:0000:01:00.0, 0000:01:00.0, 0, true",
    "0000:01:00.0, 0000:01:00.0, 0, true",
    "01:00.0, 0000:01:00.0, 0, true",
    "pci:10000:E1:1f.7, 10000:e1:1f.7, 0, true",
    "pci:00000000:01:00.0, 0000:01:00.0, 0, true",
    "pci:00010000:01:00.0, 10000:01:00.0, 0, true",
    "pci:0000:01:00.0/ns2, 0000:01:00.0, 2, true",
    "pci:0000:01:00.0?iommu=off, 0000:01:00.0, 0, false",
    "pci:0000:01:00.0/ns12?iommu=on, 0000:01:00.0, 12, true",
  })
  void parse_readsEveryPart(String address, String function, int namespace, boolean iommu)
      throws NvmeException {
    assertThat(VfioAddress.matches(address)).isTrue();
    assertThat(VfioAddress.parse(address)).isEqualTo(new VfioAddress(function, namespace, iommu));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "pci:",
        "pci:0000:01:00",
        "pci:0000:01:20.0",
        "pci:0000:01:00.8",
        "pci:000:01:00.0",
        "pci:0000:01:00.0/",
        "pci:0000:01:00.0/ns",
        "pci:0000:01:00.0/ns0",
        "pci:0000:01:00.0/ns-1",
        "pci:0000:01:00.0/2",
        "pci:0000:01:00.0?iommu=no",
        "pci:0000:01:00.0?x=1",
        "pci:../../etc/passwd",
      })
  void parse_bad_namesItAndTheForm(String address) {
    assertThat(VfioAddress.matches(address)).isTrue();
    assertThatThrownBy(() -> VfioAddress.parse(address))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(address)
        .hasMessageContaining("pci:0000:01:00.0");
  }

  @Test
  void matches_otherKinds_not() {
    assertThat(VfioAddress.matches("mem:1GiB")).isFalse();
    assertThat(VfioAddress.matches("/dev/nvme0n1")).isFalse();
    assertThat(VfioAddress.matches("tcp://host:4420/nqn")).isFalse();
  }
}
