package io.nvmedirect.vmtest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Which driver of the guest's kernel has a device, and how it gets another one. */
public final class PciDriver {

  private static final Path PCI = Path.of("/sys/bus/pci");
  private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);

  private PciDriver() {}

  /** Where sysfs has the device. */
  public static Path sysfs(GuestDevice device) {
    return PCI.resolve("devices").resolve(device.pciAddress());
  }

  /** The driver's name, such as vfio-pci; null if the device has none. */
  public static @Nullable String of(GuestDevice device) throws IOException {
    Path link = sysfs(device).resolve("driver");
    return Files.exists(link) ? String.valueOf(link.toRealPath().getFileName()) : null;
  }

  /**
   * Takes the device from its driver and gives it to another one, whichever that is now. Returns when the
   * driver has the device, and for the kernel's own driver when the namespaces have block devices.
   *
   * @throws IOException if the driver does not take it within a minute
   */
  public static void bind(GuestDevice device, GuestDevice.Driver driver) throws IOException {
    String name = driver.kernelName();
    if (!name.equals(of(device))) {
      Files.writeString(sysfs(device).resolve("driver_override"), name);
      if (of(device) != null) {
        Files.writeString(sysfs(device).resolve("driver/unbind"), device.pciAddress());
      }
      Files.writeString(PCI.resolve("drivers_probe"), device.pciAddress());
    }
    long start = System.nanoTime();
    while (!name.equals(of(device)) || (driver == GuestDevice.Driver.NVME && !hasDisks(device))) {
      if (System.nanoTime() - start > LIMIT_NS) {
        throw new IOException(
            "%s (%s) should have driver %s, but has %s after a minute"
                .formatted(device, device.pciAddress(), name, of(device)));
      }
      pause();
    }
  }

  /** The block device of a namespace under the kernel's own driver, such as /dev/nvme0n1. */
  public static Path disk(GuestDevice device, int namespace) throws IOException {
    Path disk = findDisk(device, namespace);
    if (disk == null) {
      throw new IOException("no block device for namespace %d of %s".formatted(namespace, device));
    }
    return disk;
  }

  private static boolean hasDisks(GuestDevice device) throws IOException {
    for (int i = 1; i <= device.namespaces().size(); i++) {
      if (findDisk(device, i) == null) {
        return false;
      }
    }
    return true;
  }

  private static @Nullable Path findDisk(GuestDevice device, int namespace) throws IOException {
    // The instance of a subsystem gives disks their names, the number of the controller does not.
    Path sysfs = sysfs(device).resolve("nvme");
    if (!Files.isDirectory(sysfs)) {
      return null;
    }
    try (var paths = Files.find(sysfs, 2, (path, attributes) -> attributes.isDirectory())) {
      for (Path path : paths.toList()) {
        Path nsid = path.resolve("nsid");
        if (Files.exists(nsid) && Integer.parseInt(Files.readString(nsid).strip()) == namespace) {
          Path disk = Path.of("/dev").resolve(String.valueOf(path.getFileName()));
          return Files.exists(disk) ? disk : null;
        }
      }
    }
    return null;
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
