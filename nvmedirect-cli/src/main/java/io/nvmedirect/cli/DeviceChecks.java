package io.nvmedirect.cli;

import io.nvmedirect.sysfs.IommuGroup;
import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.PciDevices;
import io.nvmedirect.sysfs.Roots;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The controllers, those that are bound to vfio-pci, and whether this user may open them. */
final class DeviceChecks {

  private final Roots roots;

  DeviceChecks(Roots roots) {
    this.roots = roots;
  }

  List<Check> run() {
    List<NvmeController> all = new PciDevices(roots).list();
    List<NvmeController> bound = all.stream().filter(NvmeController::isBoundToVfio).toList();
    List<Check> checks = new ArrayList<>();
    checks.add(controllers(all, bound));
    checks.add(container(!bound.isEmpty()));
    bound.forEach(controller -> checks.add(group(controller)));
    return checks;
  }

  private static Check controllers(List<NvmeController> all, List<NvmeController> bound) {
    String topic = "NVMe controllers";
    if (all.isEmpty()) {
      return Check.fail(
          topic, "none on a PCI bus", "without one, mem: and file: have an embedded controller");
    }
    if (bound.isEmpty()) {
      List<String> free =
          all.stream()
              .filter(controller -> controller.uses().isEmpty())
              .map(controller -> controller.address().toString())
              .toList();
      return Check.warn(
          topic,
          "%d, none bound to vfio-pci".formatted(all.size()),
          free.isEmpty()
              ? "all are in use; 'nvmed list' shows by whom"
              : "nvmed bind " + free.getFirst());
    }
    return Check.ok(
        topic,
        "%d; bound to vfio-pci: %s"
            .formatted(
                all.size(),
                bound.stream()
                    .map(controller -> controller.address().toString())
                    .collect(Collectors.joining(", "))));
  }

  /** The node that every group is attached to; it matters once a device is bound. */
  private Check container(boolean needed) {
    Path node = roots.dev().resolve("vfio/vfio");
    String topic = "/dev/vfio/vfio";
    if (!Files.exists(node)) {
      return needed
          ? Check.fail(topic, "does not exist", "modprobe vfio; in a container, pass it in")
          : Check.ok(topic, "does not exist yet; comes with the module vfio");
    }
    return mayUse(node)
        ? Check.ok(topic, "may be opened by this user")
        : Check.fail(topic, "may not be opened by this user", "chmod 0666 /dev/vfio/vfio");
  }

  private Check group(NvmeController controller) {
    String topic = controller.address().toString();
    String refusal = controller.refusal();
    IommuGroup group = controller.group();
    if (group == null || refusal != null) {
      return Check.fail(
          topic, "bound to vfio-pci, but cannot be opened now", refusal == null ? "" : refusal);
    }
    Path node = group.node(roots.dev());
    if (!Files.exists(node)) {
      return Check.fail(topic, node + " does not exist", "in a container, pass it in");
    }
    return mayUse(node)
        ? Check.ok(topic, "free, and %s may be opened by this user".formatted(node))
        : Check.fail(
            topic,
            "%s may not be opened by this user".formatted(node),
            group.noIommu()
                ? "run as root: without an IOMMU VFIO is for root only"
                : "sudo nvmed bind %s --user %s".formatted(topic, System.getProperty("user.name")));
  }

  private static boolean mayUse(Path node) {
    return Files.isReadable(node) && Files.isWritable(node);
  }
}
