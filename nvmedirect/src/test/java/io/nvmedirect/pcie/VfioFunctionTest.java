package io.nvmedirect.pcie;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.PciDevices;
import java.io.IOException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
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

  /** Another function of the same group, so that opening one fails for another reason than the group. */
  @Test
  @Tag("vm")
  void reason_groupOpenHere_isNotWhatIsInTheWay() throws IOException {
    NvmeController free =
        PciDevices.local().list().stream()
            .filter(NvmeController::isBoundToVfio)
            .findFirst()
            .orElseThrow();
    String address = free.address().toString();
    IOException failure = new IOException("too many open files");
    assertThat(VfioFunction.reason(address, failure)).isEqualTo("too many open files");
    String neighbour = address.replaceFirst("\\.\\d$", ".7");
    VfioGroup group = VfioGroup.acquire(requireNonNull(free.group()).number(), neighbour, true);
    try {
      assertThat(VfioFunction.reason(address, failure))
          .isEqualTo(
              "too many open files; this process has its IOMMU group open already, for "
                  + neighbour);
    } finally {
      group.release(neighbour);
    }
    assertThat(VfioFunction.reason(address, failure)).isEqualTo("too many open files");
  }
}
