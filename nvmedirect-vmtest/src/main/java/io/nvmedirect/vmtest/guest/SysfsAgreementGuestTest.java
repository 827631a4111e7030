package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.spec.Feature;
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
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What we say of a device is what the kernel's driver says of it in sysfs. */
@Timeout(300)
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
    kernel.put("temperature", monitored(instance, "temp1_input"));
    kernel.put("temperature threshold", monitored(instance, "temp1_max"));
    // One of them is the admin queue. The kernel makes no more than it has CPUs.
    kernel.put("queues", Integer.parseInt(text(instance.resolve("queue_count"))) - 1);

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
        ours.put("writeCache " + i, (device.feature(Feature.VOLATILE_WRITE_CACHE) & 1) != 0);
      }
      SmartLog smart = device.smart();
      ours.put("temperature", milliCelsius(smart.temperatureKelvin()));
      ours.put(
          "temperature threshold",
          milliCelsius(device.feature(Feature.TEMPERATURE_THRESHOLD) & 0xffff));
      int queues = Feature.queuesAllocated(device.feature(Feature.NUMBER_OF_QUEUES));
      ours.put("queues", Math.min(queues, Runtime.getRuntime().availableProcessors()));
      assertThat(identify.hasVolatileWriteCache()).isEqualTo(ours.get("writeCache 1"));
      assertThat(ours).isEqualTo(kernel);
      assertThat(smart.criticalWarning()).isZero();
      assertThat(device.maxTransferBytes())
          .isGreaterThanOrEqualTo(Math.min(kernelTransfer, 1 << 21));
    } finally {
      PciDriver.bind(guest, guest.driver());
    }
  }

  /** In thousandths of a degree Celsius, from the kernel's hardware monitor. */
  private static long monitored(Path instance, String file) throws IOException {
    try (Stream<Path> files = Files.find(instance, 3, (path, a) -> path.endsWith(file))) {
      return Long.parseLong(text(files.findFirst().orElseThrow()));
    }
  }

  private static long milliCelsius(int kelvin) {
    return kelvin * 1000L - 273_150;
  }

  private static String text(Path file) throws IOException {
    return Files.readString(file).strip();
  }
}
