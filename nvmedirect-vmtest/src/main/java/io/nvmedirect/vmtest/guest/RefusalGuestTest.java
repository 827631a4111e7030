package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A device that somebody else uses is refused with who that is and what to do, and is not touched. */
@Timeout(600)
final class RefusalGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.SHARED_A;

  @AfterEach
  void giveBack() throws IOException {
    PciDriver.bind(DEVICE, DEVICE.driver());
  }

  @Test
  void boundToTheKernelsDriver_saysHowToBind() throws IOException {
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
    assertThatThrownBy(() -> NvmeDevice.open(DEVICE.address()))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(DEVICE.pciAddress())
        .hasMessageContaining("nvme")
        .hasMessageContaining("nvmed bind " + DEVICE.pciAddress());
    assertThat(PciDriver.of(DEVICE)).isEqualTo("nvme");
  }

  @Test
  void mounted_saysWhere(@TempDir Path directory) throws Exception {
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
    String disk = PciDriver.disk(DEVICE, 1).toString();
    Commands.run("mkfs.ext4", "-q", "-F", disk);
    Path place = Files.createDirectory(directory.resolve("place"));
    Commands.run("mount", "-t", "ext4", disk, place.toString());
    try {
      assertThatThrownBy(() -> NvmeDevice.open(DEVICE.address()))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining(place.toString());
      Files.writeString(place.resolve("file"), "the kernel still has it");
    } finally {
      Commands.run("umount", place.toString());
    }
  }

  @Test
  void openTwice_saysThatItIsInUse() throws IOException {
    try (NvmeDevice first = NvmeDevice.open(GuestDevice.PLAIN.address())) {
      assertThatThrownBy(() -> NvmeDevice.open(GuestDevice.PLAIN.address()))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining(GuestDevice.PLAIN.pciAddress())
          .hasMessageContaining("is in use: this process has it open already")
          .hasMessageNotContaining("held open by");
      assertThat(first.smart().criticalWarning()).isZero();
    }
  }

  /** The group is open by then, and this process is not who is in the way. */
  @Test
  void noDescriptorLeft_saysSoAndLeavesNoneOpen() throws IOException {
    // So that all classes are there, which take descriptors to load.
    NvmeDevice.open(GuestDevice.PLAIN.address()).close();
    assertThatThrownBy(() -> NvmeDevice.open("file:/no/such/file")).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> NvmeDevice.open("pci:0000:7f:00.0")).isInstanceOf(NvmeException.class);
    long before = openFiles();
    Deque<InputStream> hoarded = new ArrayDeque<>();
    try {
      hoard(hoarded);
      // The container and the group, and not the device.
      hoarded.pop().close();
      hoarded.pop().close();
      assertThatThrownBy(() -> NvmeDevice.open(GuestDevice.PLAIN.address()))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("VFIO_GROUP_GET_DEVICE_FD")
          .hasMessageNotContaining("in use");
    } finally {
      for (InputStream file : hoarded) {
        file.close();
      }
    }
    assertThat(openFiles()).isEqualTo(before);
    NvmeDevice.open(GuestDevice.PLAIN.address()).close();
  }

  private static void hoard(Deque<InputStream> hoarded) {
    while (true) {
      try {
        hoarded.push(new FileInputStream("/dev/null"));
      } catch (IOException e) {
        return;
      }
    }
  }

  private static long openFiles() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  @Test
  void noSuchDevice_saysSo() {
    assertThatThrownBy(() -> NvmeDevice.open("pci:0000:7f:00.0"))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("0000:7f:00.0")
        .hasMessageContaining("nvmed list");
  }

  /** The virtual machine's disk controller of another class. */
  @Test
  void notNvme_saysWhatItIs() {
    assertThatThrownBy(() -> NvmeDevice.open("pci:0000:00:00.0"))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("0000:00:00.0")
        .hasMessageContaining("NVMe");
  }

  /** Without an IOMMU is for devices that have none. */
  @Test
  void iommuOff_theDeviceHasOne_saysSo() throws IOException {
    String address = GuestDevice.PLAIN.address();
    assertThatThrownBy(() -> NvmeDevice.open(address + "?iommu=off"))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("cannot open " + address)
        .hasMessageContaining("open it without ?iommu=off");
    try (NvmeDevice device = NvmeDevice.open(address + "?iommu=on")) {
      assertThat(device.smart().criticalWarning()).isZero();
    }
  }
}
