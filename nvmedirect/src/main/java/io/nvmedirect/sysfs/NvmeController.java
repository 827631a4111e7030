package io.nvmedirect.sysfs;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An NVMe controller on a PCI bus. What only the kernel's NVMe driver knows is null without it.
 *
 * @param vendorId PCI vendor
 * @param deviceId PCI device of that vendor
 * @param classCode such as 0x010802
 * @param driver such as nvme or vfio-pci; null without one
 * @param driverOverride the only driver that may be bound; null if any may
 * @param group null without an IOMMU
 * @param numaNode −1 if the machine does not tell
 * @param name such as nvme0
 * @param namespaces empty without the kernel's driver
 * @param uses empty if nobody uses it
 */
public record NvmeController(
    PciAddress address,
    int vendorId,
    int deviceId,
    int classCode,
    @Nullable String driver,
    @Nullable String driverOverride,
    @Nullable IommuGroup group,
    int numaNode,
    @Nullable String name,
    @Nullable String model,
    @Nullable String serial,
    @Nullable String firmware,
    List<Namespace> namespaces,
    List<Use> uses) {

  /** The driver that gives a device to user space. */
  public static final String VFIO_DRIVER = "vfio-pci";

  /** The kernel's own driver. */
  public static final String KERNEL_DRIVER = "nvme";

  /** Whether user space can have it. */
  public boolean isBoundToVfio() {
    return VFIO_DRIVER.equals(driver);
  }

  /** The model, else vendor and device such as {@code 8086:0953}. */
  public String description() {
    return model == null || model.isEmpty() ? "%04x:%04x".formatted(vendorId, deviceId) : model;
  }

  /** All uses in one line; empty without one. */
  public String usesInWords() {
    return inWords(uses);
  }

  private static String inWords(List<Use> uses) {
    return uses.stream().map(Use::sentence).collect(Collectors.joining(", "));
  }

  /**
   * Why user space cannot have it now and what to do about it, in one line; null if it can, that is,
   * if it is bound to vfio-pci, nobody has its group open and VFIO will open the group.
   */
  public @Nullable String refusal() {
    return refusal(uses);
  }

  /**
   * Like {@link #refusal}, but for a process that is not in its own way: it may have the VFIO group open
   * for another function.
   */
  public @Nullable String refusalTo(long pid) {
    return refusal(uses.stream().filter(use -> !use.isOpenBy(pid)).toList());
  }

  private @Nullable String refusal(List<Use> counted) {
    String device = "%s (%s)".formatted(address, description());
    String bind = "nvmed bind " + address;
    if (!isBoundToVfio()) {
      String bound =
          driver == null ? " is bound to no driver" : " is bound to the driver " + driver;
      return device
          + bound
          + (counted.isEmpty()
              ? "; to give it to user space: " + bind
              : " and in use: %s; when that has ended: %s".formatted(inWords(counted), bind));
    }
    if (group == null) {
      return device + " is bound to vfio-pci but has no IOMMU group; see: nvmed doctor";
    }
    if (!counted.isEmpty()) {
      return "%s is bound to vfio-pci and in use: %s; end that first"
          .formatted(device, inWords(counted));
    }
    return obstaclesInWords(List.of());
  }

  /**
   * Why VFIO will not open the group, and what to do about it; null if it will.
   *
   * @param alsoTaken other controllers that are about to be bound to vfio-pci, too
   */
  public @Nullable String obstaclesInWords(Collection<PciAddress> alsoTaken) {
    List<IommuGroup.Member> obstacles =
        group == null
            ? List.of()
            : group.obstacles(address).stream()
                .filter(member -> !alsoTaken.contains(member.address()))
                .toList();
    if (group == null || obstacles.isEmpty()) {
      return null;
    }
    return """
    VFIO will not open IOMMU group %d of %s (it is not viable) while host drivers have other \
    functions of the group: %s; to free them: %s\
    """
        .formatted(
            group.number(),
            address,
            obstacles.stream().map(Object::toString).collect(Collectors.joining(", ")),
            String.join("; ", commands(obstacles)));
  }

  /** Controllers of one group are bound together, for each is in the way of the others. */
  private List<String> commands(List<IommuGroup.Member> obstacles) {
    List<String> commands = new ArrayList<>();
    StringBuilder bind = new StringBuilder();
    for (IommuGroup.Member member : obstacles) {
      if (KERNEL_DRIVER.equals(member.driver())) {
        bind.append(' ').append(member.address());
      } else {
        commands.add(
            "echo %s > /sys/bus/pci/drivers/%s/unbind"
                .formatted(member.address(), member.driver()));
      }
    }
    if (!bind.isEmpty()) {
      commands.add("nvmed bind " + address + bind);
    }
    return commands;
  }
}
