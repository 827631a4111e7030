package io.nvmedirect.cli;

import io.nvmedirect.sysfs.Namespace;
import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.PciDevices;
import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "unbind",
    header = "Give a controller back to the kernel's driver.",
    description =
        "Takes it from vfio-pci and lets the kernel's nvme driver have it again; its block devices "
            + "come back. Refuses while a process has the VFIO group open. Needs root.",
    footer = {"  nvmed unbind 0000:01:00.0", "  nvmed unbind 0000:01:00.0 --dry-run"})
@SuppressWarnings("NullAway.Init")
final class UnbindCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;

  @Parameters(paramLabel = "ADDRESS", description = "A PCI address, as 'nvmed list' shows it.")
  String address;

  @Option(
      names = "--dry-run",
      description = "Print the steps as shell commands and change nothing.")
  boolean dryRun;

  @Override
  public Integer call() throws IOException {
    Roots roots = nvmed.streams.roots();
    DriverSteps steps = dryRun ? new PrintedDriverSteps(nvmed::say) : nvmed.streams.steps();
    PciDevices devices = new PciDevices(roots);
    NvmeController controller = devices.find(address);
    if (NvmeController.KERNEL_DRIVER.equals(controller.driver())) {
      nvmed.say(Drivers.describe(controller) + " is already bound to the kernel's driver nvme");
      return 0;
    }
    refuse(controller);
    if (steps.isLive()) {
      Drivers.requireRoot(roots, controller, "unbind");
    }
    Drivers.load(roots, steps, NvmeController.KERNEL_DRIVER);
    controller = devices.find(controller.address().toString());
    refuse(controller);
    new DriverChange(roots, steps, controller).run("", NvmeController.KERNEL_DRIVER, bound -> {});
    if (steps.isLive()) {
      report(devices.find(controller.address().toString()));
    }
    return 0;
  }

  private static void refuse(NvmeController controller) throws IOException {
    String device = Drivers.describe(controller);
    if (!controller.uses().isEmpty()) {
      // The kernel would wait in the midst of it until the process lets go.
      throw new IOException(
          "%s is in use: %s; nothing was changed".formatted(device, controller.usesInWords()));
    }
    if (controller.driver() != null && !controller.isBoundToVfio()) {
      throw new IOException(
          "%s is bound to the driver %s, not to vfio-pci; to take it from there: echo %s > /sys/bus/pci/drivers/%s/unbind"
              .formatted(device, controller.driver(), controller.address(), controller.driver()));
    }
  }

  private void report(NvmeController bound) {
    // The kernel finds namespaces a little after it has bound the driver.
    String namespaces =
        bound.namespaces().stream()
            .map(Namespace::name)
            .map("/dev/"::concat)
            .collect(Collectors.joining(", "));
    nvmed.say(
        "%s is bound to the kernel's driver nvme%s"
            .formatted(
                Drivers.describe(bound),
                namespaces.isEmpty() ? "; 'nvmed list' shows its devices" : ": " + namespaces));
  }
}
