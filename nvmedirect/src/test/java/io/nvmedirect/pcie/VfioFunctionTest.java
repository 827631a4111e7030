package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.spec.NvmeException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What opening says on a machine that does not have the device; the rest is tested where there are devices. */
class VfioFunctionTest {

  /** In a PCI domain that no machine has. */
  private static final String NOWHERE = "7fffffff:7f:1f.7";

  @ParameterizedTest
  @ValueSource(strings = {"", "/ns2", "?iommu=off", "/ns2?iommu=off"})
  void open_noSuchDevice_saysSoAndWhatThereIs(String rest) throws NvmeException {
    VfioAddress address = VfioAddress.parse("pci:" + NOWHERE + rest);
    assertThatThrownBy(() -> VfioFunction.open(address))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("cannot open pci:" + NOWHERE)
        .hasMessageContaining("there is no PCI device " + NOWHERE)
        .hasMessageContaining("NVMe controller")
        .hasMessageContaining("nvmed list");
  }
}
