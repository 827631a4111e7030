package io.nvmedirect.cli;

import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What bind and unbind have in common. */
final class Drivers {

  private Drivers() {}

  /** Loads the module of a PCI driver that is not there. */
  static void load(Roots roots, DriverSteps steps, String driver) throws IOException {
    if (!Files.isDirectory(roots.sys().resolve("bus/pci/drivers").resolve(driver))) {
      steps.loadModule(driver);
    }
  }

  /** Refuses at once what would fail half-way. */
  static void requireRoot(Roots roots, NvmeController controller, String verb) throws IOException {
    Path file = roots.function(controller.address()).resolve("driver_override");
    if (!Files.exists(file)) {
      throw new IOException(file + " does not exist: the kernel must be Linux 3.16 or newer");
    }
    if (!Files.isWritable(file)) {
      throw new IOException(
          "%s cannot be written: run 'sudo nvmed %s %s', on the host if this is a container; --dry-run needs no privileges"
              .formatted(file, verb, controller.address()));
    }
  }

  /** {@code 0000:01:00.0 (Fast SSD 1TB)}. */
  static String describe(NvmeController controller) {
    return "%s (%s)".formatted(controller.address(), controller.description());
  }
}
