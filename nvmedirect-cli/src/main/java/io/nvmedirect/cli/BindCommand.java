package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Sizes;
import io.nvmedirect.sysfs.IommuGroup;
import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.PciAddress;
import io.nvmedirect.sysfs.PciDevices;
import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "bind",
    header = "Give a controller to user space: bind it to vfio-pci.",
    description = {
      "The kernel's block devices of the controller go away. Refuses, finally, a controller that is "
          + "mounted, swap, part of LVM, MD or another device, or held open, and says by whom. "
          + "Needs root.",
      "It stays bound after this command, until 'nvmed unbind' or a reboot."
    },
    footer = {
      "  nvmed bind 0000:01:00.0 --dry-run",
      "  nvmed bind 0000:01:00.0 --user alice",
      "  nvmed bind /dev/nvme0"
    })
@SuppressWarnings("NullAway.Init")
final class BindCommand implements Callable<Integer> {

  private static final long NODE_TIMEOUT_SECONDS = 5;
  private static final long NODE_PAUSE_MILLIS = 20;

  @ParentCommand Nvmed nvmed;

  @Parameters(
      paramLabel = "ADDRESS",
      arity = "1..*",
      description = {
        "A PCI address, or a device of the kernel such as /dev/nvme0 or nvme0n1.",
        "Controllers of one IOMMU group are bound together."
      })
  List<String> addresses;

  @Option(
      names = "--user",
      paramLabel = "NAME",
      description = "Make this user the owner of the VFIO group, so that root is not needed later.")
  @Nullable String user;

  @Option(
      names = "--dry-run",
      description = "Print the steps as shell commands and change nothing.")
  boolean dryRun;

  @Override
  public Integer call() throws IOException {
    Roots roots = nvmed.streams.roots();
    DriverSteps steps = dryRun ? new PrintedDriverSteps(nvmed::say) : nvmed.streams.steps();
    requireUser();
    PciDevices devices = new PciDevices(roots);
    List<NvmeController> wanted = new ArrayList<>();
    for (String address : addresses) {
      NvmeController controller = devices.find(address);
      if (controller.isBoundToVfio()) {
        nvmed.say(Drivers.describe(controller) + " is already bound to vfio-pci");
        give(roots, steps, controller);
      } else if (!addresses(wanted).contains(controller.address())) {
        wanted.add(controller);
      }
    }
    if (!wanted.isEmpty()) {
      bind(roots, steps, devices, wanted);
    }
    return 0;
  }

  /** Binds all, or none. */
  private void bind(Roots roots, DriverSteps steps, PciDevices devices, List<NvmeController> wanted)
      throws IOException {
    Set<PciAddress> together = addresses(wanted);
    for (NvmeController controller : wanted) {
      refuse(roots, controller, together);
      if (steps.isLive()) {
        Drivers.requireRoot(roots, controller, "bind");
      }
    }
    Drivers.load(roots, steps, NvmeController.VFIO_DRIVER);
    Deque<DriverChange> done = new ArrayDeque<>();
    try {
      for (PciAddress address : together) {
        // Again, because time has passed, and unbinding itself refuses nothing.
        NvmeController controller = devices.find(address.toString());
        refuse(roots, controller, together);
        DriverChange change = new DriverChange(roots, steps, controller);
        change.run(
            NvmeController.VFIO_DRIVER,
            NvmeController.VFIO_DRIVER,
            bound -> give(roots, steps, bound));
        done.push(change);
      }
    } catch (IOException e) {
      StringBuilder message = new StringBuilder(String.valueOf(e.getMessage()));
      done.forEach(change -> message.append('\n').append(change.takeBack()));
      throw new IOException(message.toString(), e);
    }
    if (steps.isLive()) {
      for (PciAddress address : together) {
        report(roots, devices.find(address.toString()), together);
      }
    }
  }

  private static Set<PciAddress> addresses(List<NvmeController> controllers) {
    return controllers.stream()
        .map(NvmeController::address)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  private void requireUser() throws IOException {
    if (user != null) {
      try {
        FileSystems.getDefault().getUserPrincipalLookupService().lookupPrincipalByName(user);
      } catch (UserPrincipalNotFoundException e) {
        throw new IOException(
            "--user %s: this machine has no such user; give a name of /etc/passwd or the like"
                .formatted(user),
            e);
      }
    }
  }

  private static void refuse(Roots roots, NvmeController controller, Set<PciAddress> together)
      throws IOException {
    String device = Drivers.describe(controller);
    String driver = controller.driver();
    if (!controller.uses().isEmpty()) {
      throw new IOException(
          "%s is in use: %s; nothing was changed".formatted(device, controller.usesInWords()));
    }
    if (driver != null && !driver.equals(NvmeController.KERNEL_DRIVER)) {
      throw new IOException(
          "%s is bound to the driver %s, whose users cannot be seen; when it has none: echo %s > /sys/bus/pci/drivers/%s/unbind"
              .formatted(device, driver, controller.address(), driver));
    }
    String obstacles = controller.obstaclesInWords(together);
    if (obstacles != null) {
      throw new IOException(obstacles + "; nothing was changed");
    }
    if (controller.group() == null && !NoIommu.isEnabled(roots)) {
      throw new IOException(
          "%s has no IOMMU group, so the IOMMU is off: %s; or, without protection from wrong DMA addresses and as root only: %s; nothing was changed"
              .formatted(device, IommuCheck.mend(roots), NoIommu.COMMAND));
    }
  }

  /** Gives the group to the user; VFIO makes its node when the first member is bound. */
  private void give(Roots roots, DriverSteps steps, NvmeController controller) throws IOException {
    if (user == null) {
      return;
    }
    IommuGroup group = controller.group();
    if (group == null || group.noIommu()) {
      throw new IOException("--user %s: without an IOMMU VFIO is for root only".formatted(user));
    }
    Path node = group.node(roots.dev());
    if (steps.isLive()) {
      await(node);
    }
    steps.giveTo(node, user);
    if (steps.isLive()) {
      nvmed.say(
          "%s belongs to %s, who also needs a limit of locked memory (ulimit -l) that covers all DMA buffers; %s is a useful one, 'nvmed doctor' tells how"
              .formatted(node, user, Sizes.format(MemoryChecks.USEFUL_LOCKED_BYTES)));
    }
  }

  private static void await(Path node) throws IOException {
    long start = System.nanoTime();
    while (!Files.exists(node)) {
      if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(NODE_TIMEOUT_SECONDS)) {
        throw new IOException("VFIO made no " + node);
      }
      try {
        Thread.sleep(NODE_PAUSE_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while waiting for " + node, e);
      }
    }
  }

  private void report(Roots roots, NvmeController bound, Set<PciAddress> together) {
    IommuGroup group = bound.group();
    nvmed.say(
        "%s is bound to vfio-pci%s, until 'nvmed unbind %s' or a reboot"
            .formatted(
                Drivers.describe(bound),
                group == null ? "" : ", " + group.node(roots.dev()),
                bound.address()));
    if (group != null && group.noIommu()) {
      nvmed.say("There is no IOMMU: a wrong DMA address can overwrite any memory of this machine.");
    } else if (group != null) {
      group.members().stream()
          .filter(member -> !together.contains(member.address()) && !member.isBridge())
          .forEach(member ->
              nvmed.say(
                  "IOMMU group %d also has %s; it was not touched, and goes to whoever opens the group"
                      .formatted(group.number(), member)));
    }
  }
}
