package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.spec.IdentifyController;
import io.nvmedirect.spec.IdentifyNamespace;
import io.nvmedirect.spec.SmartLog;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What we say of a device is what the kernel's driver says of it in sysfs. */
@Timeout(120)
final class SysfsAgreementGuestTest {

  @ParameterizedTest
  @EnumSource
  void identifySmartAndFeatures_agree(GuestDevice guest) throws Exception {
    PciDriver.bind(guest, GuestDevice.Driver.NVME);
    Map<String, Object> kernel = new TreeMap<>();
    Path instance;
    try (Stream<Path> instances = Files.list(PciDriver.sysfs(guest).resolve("nvme"))) {
      instance = instances.findFirst().orElseThrow();
    }
    kernel.put("model", text(instance.resolve("model")));
    kernel.put("serial", text(instance.resolve("serial")));
    kernel.put("firmware", text(instance.resolve("firmware_rev")));
    kernel.put("subsystem", text(instance.resolve("subsysnqn")));
    kernel.put("controller", Integer.parseInt(text(instance.resolve("cntlid"))));
    // The kernel allows itself no more than its own limit; MDTS is what it has if it is smaller.
    long kernelTransfer = 0;
    for (int i = 1; i <= guest.namespaces().size(); i++) {
      Path block =
          Path.of("/sys/block").resolve(String.valueOf(PciDriver.disk(guest, i).getFileName()));
      kernel.put("size " + i, Long.parseLong(text(block.resolve("size"))) * 512);
      kernel.put("block " + i, Integer.parseInt(text(block.resolve("queue/logical_block_size"))));
      kernel.put("writeCache " + i, "write back".equals(text(block.resolve("queue/write_cache"))));
      kernelTransfer = Long.parseLong(text(block.resolve("queue/max_hw_sectors_kb"))) << 10;
    }
    Long temperature = temperature(instance);
    if (temperature != null) {
      kernel.put("temperature", temperature);
    }

    PciDriver.bind(guest, GuestDevice.Driver.VFIO);
    try (NvmeDevice device = NvmeDevice.open(guest.address())) {
      IdentifyController identify = device.controller();
      Map<String, Object> ours = new TreeMap<>();
      ours.put("model", identify.modelNumber());
      ours.put("serial", identify.serialNumber());
      ours.put("firmware", identify.firmwareRevision());
      ours.put("subsystem", identify.subsystemNqn());
      ours.put("controller", identify.controllerId());
      for (int i : device.namespaceIds()) {
        IdentifyNamespace namespace = device.identifyNamespace(i);
        ours.put("size " + i, namespace.sizeBlocks() * namespace.format().dataBytes());
        ours.put("block " + i, namespace.format().dataBytes());
        ours.put("writeCache " + i, identify.hasVolatileWriteCache());
      }
      SmartLog smart = device.smart();
      if (temperature != null) {
        ours.put("temperature", smart.temperatureKelvin() * 1000L - 273_150);
      }
      assertThat(ours).isEqualTo(kernel);
      assertThat(smart.criticalWarning()).isZero();
      assertThat(device.maxTransferBytes())
          .isGreaterThanOrEqualTo(Math.min(kernelTransfer, 1 << 21));
    } finally {
      PciDriver.bind(guest, guest.driver());
    }
  }

  /** In thousandths of a degree Celsius, from the kernel's hardware monitor; null without one. */
  private static @Nullable Long temperature(Path instance) throws IOException {
    try (Stream<Path> files = Files.find(instance, 3, (path, a) -> path.endsWith("temp1_input"))) {
      Path found = files.findFirst().orElse(null);
      return found == null ? null : Long.valueOf(text(found));
    }
  }

  private static String text(Path file) throws IOException {
    return Files.readString(file).strip();
  }
}
