package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** That the machine is what the tests take it for: an IOMMU, and each device with the driver of the plan. */
final class IommuGuestTest {

  @Test
  void iommu_isOn() throws IOException {
    try (Stream<Path> units = Files.list(Path.of("/sys/class/iommu"))) {
      assertThat(units).isNotEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void device_isAloneInItsGroup(GuestDevice device) throws IOException {
    Path group = PciDriver.sysfs(device).resolve("iommu_group").toRealPath();
    try (Stream<Path> members = Files.list(group.resolve("devices"))) {
      assertThat(members.map(member -> String.valueOf(member.getFileName())))
          .containsExactly(device.pciAddress());
    }
  }

  @ParameterizedTest
  @EnumSource
  void device_hasTheDriverOfThePlan(GuestDevice device) throws IOException {
    PciDriver.bind(device, device.driver());
    assertThat(PciDriver.of(device)).isEqualTo(device.driver().kernelName());
    if (device.driver() == GuestDevice.Driver.VFIO) {
      Path group = PciDriver.sysfs(device).resolve("iommu_group").toRealPath();
      assertThat(Path.of("/dev/vfio").resolve(String.valueOf(group.getFileName()))).exists();
    }
  }

  @Test
  void addresses_areDistinct() {
    Set<String> addresses = new HashSet<>();
    for (GuestDevice device : GuestDevice.values()) {
      assertThat(addresses.add(device.address())).as(device.address()).isTrue();
    }
  }
}
