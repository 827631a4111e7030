package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the kernel's own driver says of each device, and that it goes back to where it was. */
final class KernelDriverGuestTest {

  @AfterEach
  void giveBack() throws IOException {
    for (GuestDevice device : GuestDevice.values()) {
      PciDriver.bind(device, device.driver());
    }
  }

  @ParameterizedTest
  @EnumSource
  void namespaces_haveTheSizesOfThePlan(GuestDevice device) throws IOException {
    PciDriver.bind(device, GuestDevice.Driver.NVME);
    for (int i = 0; i < device.namespaces().size(); i++) {
      Path disk = PciDriver.disk(device, i + 1);
      Path sysfs = Path.of("/sys/block").resolve(String.valueOf(disk.getFileName()));
      GuestDevice.Namespace namespace = device.namespaces().get(i);
      assertThat(number(sysfs.resolve("size")) * 512).isEqualTo(namespace.sizeBytes());
      assertThat(number(sysfs.resolve("queue/logical_block_size")))
          .isEqualTo(namespace.blockBytes());
    }
    PciDriver.bind(device, GuestDevice.Driver.VFIO);
    assertThat(PciDriver.of(device)).isEqualTo("vfio-pci");
  }

  private static long number(Path file) throws IOException {
    return Long.parseLong(Files.readString(file).strip());
  }
}
