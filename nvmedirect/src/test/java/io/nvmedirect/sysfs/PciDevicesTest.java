package io.nvmedirect.sysfs;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PciDevicesTest {

  private static final String FIRST = "0000:01:00.0";
  private static final String SECOND = "0000:02:00.0";

  @TempDir Path root;
  private FakeMachine machine;

  @BeforeEach
  void newMachine() throws IOException {
    machine = new FakeMachine(root);
  }

  @Test
  void list_emptyMachine() {
    assertThat(new PciDevices(Roots.under(root.resolve("nothing"))).list()).isEmpty();
  }

  @Test
  void list_kernelController_allOfIt() throws IOException {
    machine
        .kernelController(FIRST, "nvme0", "nvme0n1")
        .partition(FIRST, "nvme0", "nvme0n1p1", "259:1")
        .function("0000:00:1f.0", "0x060100", "lpc")
        .function("0000:00:01.0", "0x060400", "pcieport")
        .group(12, FIRST, "0000:00:01.0");

    NvmeController controller = machine.devices().list().getFirst();

    assertThat(machine.devices().list()).hasSize(1);
    assertThat(controller.address()).hasToString(FIRST);
    assertThat(controller.description()).isEqualTo("Fast SSD 1TB");
    assertThat(controller.serial()).isEqualTo("S1");
    assertThat(controller.firmware()).isEqualTo("1.0");
    assertThat(controller.driver()).isEqualTo("nvme");
    assertThat(controller.driverOverride()).isNull();
    assertThat(controller.classCode()).isEqualTo(0x010802);
    assertThat(controller.numaNode()).isZero();
    assertThat(controller.name()).isEqualTo("nvme0");
    IommuGroup group = requireNonNull(controller.group());
    assertThat(group.number()).isEqualTo(12);
    assertThat(group.noIommu()).isFalse();
    assertThat(group.members()).hasSize(2);
    assertThat(controller.namespaces()).hasSize(1);
    Namespace namespace = controller.namespaces().getFirst();
    assertThat(namespace.name()).isEqualTo("nvme0n1");
    assertThat(namespace.nsid()).isEqualTo(1);
    assertThat(namespace.sizeBytes()).isEqualTo(1L << 30);
    assertThat(namespace.blockBytes()).isEqualTo(512);
    assertThat(namespace.partitions())
        .containsExactly(new Namespace.Partition("nvme0n1p1", 1L << 30));
    assertThat(controller.uses()).isEmpty();
  }

  @Test
  void list_withoutDriver_vendorAndDevice() throws IOException {
    machine.function(FIRST, "0x010802", "");
    NvmeController controller = machine.devices().list().getFirst();
    assertThat(controller.driver()).isNull();
    assertThat(controller.group()).isNull();
    assertThat(controller.description()).isEqualTo("144d:a80a");
  }

  @Test
  void list_multipath_partitionsAndSizeOfTheHead() throws IOException {
    machine.kernelController(FIRST, "nvme1", "nvme0c1n1");
    String head = "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1";
    machine
        .block(head, "nvme0n1", "259:5")
        .file(head + "/queue/logical_block_size", "4096\n")
        .block(head + "/nvme0n1p1", "nvme0n1p1", "259:6")
        .file(head + "/nvme0n1p1/partition", "1\n")
        .mountinfo("self", "30 22 259:6 / /data rw - ext4 /dev/nvme0n1p1 rw");

    NvmeController controller = machine.devices().find("nvme0n1");

    assertThat(controller.namespaces()).extracting(Namespace::name).containsExactly("nvme0n1");
    assertThat(controller.namespaces().getFirst().blockBytes()).isEqualTo(4096);
    assertThat(controller.usesInWords()).isEqualTo("partition nvme0n1p1 is mounted at /data");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {FIRST, "01:00.0", "pci:" + FIRST, "nvme0", "nvme0n1", "/dev/nvme0n1", "ng0n1"})
  void find_byAddressOrName(String text) throws IOException {
    machine.kernelController(FIRST, "nvme0", "nvme0n1").function(SECOND, "0x010802", "");
    assertThat(machine.devices().find(text).address()).hasToString(FIRST);
  }

  @Test
  void find_linkUnderDev() throws IOException {
    machine.kernelController(FIRST, "nvme0", "nvme0n1").file("dev/nvme0n1", "");
    machine.link("dev/disk/by-id/nvme-Fast_S1", "../../nvme0n1");
    assertThat(machine.devices().find("/dev/disk/by-id/nvme-Fast_S1").name()).isEqualTo("nvme0");
  }

  @Test
  void find_whatIsNotThere_namesWhatIs() throws IOException {
    machine.kernelController(FIRST, "nvme0", "nvme0n1").function("0000:00:1f.0", "0x060100", "");
    machine.partition(FIRST, "nvme0", "nvme0n1p1", "259:1");
    assertThatIOException()
        .isThrownBy(() -> machine.devices().find("0000:09:00.0"))
        .withMessage(
            "there is no PCI device 0000:09:00.0; NVMe controllers of this machine: " + FIRST);
    assertThatIOException()
        .isThrownBy(() -> machine.devices().find("00:1f.0"))
        .withMessageContaining("0000:00:1f.0 is not an NVMe controller (class 0x060100)")
        .withMessageContaining(FIRST);
    assertThatIOException()
        .isThrownBy(() -> machine.devices().find("nvme7"))
        .withMessageContaining("'nvme7'")
        .withMessageContaining(FIRST);
    assertThatIOException()
        .isThrownBy(() -> machine.devices().find("nvme0n1p1"))
        .withMessage("'nvme0n1p1' is a partition: give the address of a controller: " + FIRST);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> machine.devices().find("/dev/sda"))
        .withMessageContaining("'/dev/sda'")
        .withMessageContaining("0000:01:00.0");
  }

  @Test
  void find_onSeveralPaths_namesThem() throws IOException {
    machine
        .kernelController(FIRST, "nvme0", "nvme0c0n1")
        .function(SECOND, "0x010802", "nvme")
        .file("sys/devices/pci0000:00/" + SECOND + "/nvme/nvme1/nvme0c1n1/size", "8\n");
    assertThatIOException()
        .isThrownBy(() -> machine.devices().find("nvme0n1"))
        .withMessageContaining("'nvme0n1' is on several paths")
        .withMessageContaining(FIRST + ", " + SECOND);
  }

  @Test
  void refusal_freeAndBound_none() throws IOException {
    machine.function(FIRST, "0x010802", "vfio-pci").group(3, FIRST);
    assertThat(machine.devices().refusal("pci:" + FIRST)).isNull();
  }

  @Test
  void refusal_kernelDriver_saysWhatUsesItAndTheCommand() throws IOException {
    machine.kernelController(FIRST, "nvme0", "nvme0n1").group(3, FIRST);
    assertThat(machine.devices().refusal(FIRST))
        .isEqualTo(
            "0000:01:00.0 (Fast SSD 1TB) is bound to the driver nvme; to give it to user space: nvmed bind 0000:01:00.0");
    machine.mountinfo("self", "30 22 259:0 / /data rw - ext4 /dev/nvme0n1 rw");
    assertThat(machine.devices().refusal(FIRST))
        .isEqualTo(
            "0000:01:00.0 (Fast SSD 1TB) is bound to the driver nvme and in use: namespace nvme0n1 is mounted at /data; when that has ended: nvmed bind 0000:01:00.0");
  }

  @Test
  void refusal_noDriver() throws IOException {
    machine.function(FIRST, "0x010802", "");
    assertThat(machine.devices().refusal(FIRST))
        .contains("is bound to no driver", "nvmed bind 0000:01:00.0");
  }

  @Test
  void refusal_groupOpenElsewhere_namesTheProcess() throws IOException {
    machine
        .function(FIRST, "0x010802", "vfio-pci")
        .group(3, FIRST)
        .process(41, "spdk_tgt", "/dev/vfio/vfio", "/dev/vfio/3");
    assertThat(machine.devices().refusal(FIRST))
        .contains("VFIO group 3 is held open by spdk_tgt (pid 41)")
        .doesNotContain("nvmed bind");
  }

  /** It may have it for another function of the group. */
  @Test
  void refusal_groupOpenHere_thisProcessIsNotInItsOwnWay() throws IOException {
    int own = (int) ProcessHandle.current().pid();
    machine
        .function(FIRST, "0x010802", "vfio-pci")
        .function(SECOND, "0x010802", "vfio-pci")
        .group(3, FIRST, SECOND)
        .process(own, "java", "/dev/vfio/vfio", "/dev/vfio/3");
    assertThat(machine.devices().refusal(FIRST)).isNull();
    assertThat(machine.devices().find(FIRST).refusal())
        .contains("VFIO group 3 is held open by java (pid " + own + ")");
    int other = own + 1;
    machine.process(other, "spdk_tgt", "/dev/vfio/3");
    assertThat(machine.devices().refusal(FIRST))
        .contains("VFIO group 3 is held open by spdk_tgt (pid " + other + ")")
        .doesNotContain("java");
  }

  @Test
  void refusal_noIommuGroup_hasItsOwnNode() throws IOException {
    machine
        .function(FIRST, "0x010802", "vfio-pci")
        .group(0, FIRST)
        .file("sys/kernel/iommu_groups/0/name", "vfio-noiommu\n")
        .process(41, "app", "/dev/vfio/noiommu-0");
    NvmeController controller = machine.devices().find(FIRST);
    assertThat(requireNonNull(controller.group()).noIommu()).isTrue();
    assertThat(controller.refusal()).contains("is held open by app (pid 41)");
  }

  @Test
  void refusal_groupNotViable_namesTheOthersButNotBridges() throws IOException {
    machine
        .function(FIRST, "0x010802", "vfio-pci")
        .function("0000:00:01.0", "0x060400", "pcieport")
        .function("0000:01:00.1", "0x020000", "e1000e")
        .function(SECOND, "0x010802", "nvme")
        .function("0000:03:00.0", "0x020000", "")
        .group(3, FIRST, "0000:00:01.0", "0000:01:00.1", SECOND, "0000:03:00.0");
    assertThat(machine.devices().refusal(FIRST))
        .contains(
            "IOMMU group 3",
            "0000:01:00.1 (driver e1000e), 0000:02:00.0 (driver nvme)",
            "echo 0000:01:00.1 > /sys/bus/pci/drivers/e1000e/unbind; nvmed bind 0000:01:00.0 0000:02:00.0")
        .doesNotContain("0000:00:01.0", "0000:03:00.0");
  }

  @Test
  void seesAllProcesses_everyDirectoryReadable() throws IOException {
    machine.process(41, "app");
    assertThat(machine.devices().seesAllProcesses()).isTrue();
    Files.delete(root.resolve("proc/41/fd"));
    assertThat(machine.devices().seesAllProcesses()).isFalse();
  }
}
