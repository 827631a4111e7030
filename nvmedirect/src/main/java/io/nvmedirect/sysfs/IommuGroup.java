package io.nvmedirect.sysfs;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * PCI functions that the IOMMU cannot tell apart: VFIO gives all of them to one process, or none.
 *
 * @param number of /sys/kernel/iommu_groups
 * @param noIommu whether VFIO made it up for a device without an IOMMU
 * @param members all functions of the group, also the one that was asked for
 */
public record IommuGroup(int number, boolean noIommu, List<Member> members) {

  private static final int BRIDGE_CLASS = 0x0604;

  /**
   * A function.
   *
   * @param classCode base class, subclass and programming interface, such as 0x010802
   * @param driver such as nvme; null without one
   */
  public record Member(PciAddress address, int classCode, @Nullable String driver) {

    /** Whether it is a bridge between PCI buses, which does no DMA of its own. */
    public boolean isBridge() {
      return classCode >>> 8 == BRIDGE_CLASS;
    }

    /** Whether the kernel keeps VFIO off the whole group while this driver has the function. */
    boolean keepsVfioOff() {
      return driver != null
          && !isBridge()
          && !driver.startsWith("vfio")
          && !driver.equals("pci-stub")
          && !driver.equals("pcieport");
    }

    @Override
    public String toString() {
      return address + (driver == null ? " (no driver)" : " (driver " + driver + ")");
    }
  }

  /** The members other than {@code address} whose drivers make VFIO refuse the group ("not viable"). */
  public List<Member> obstacles(PciAddress address) {
    return members.stream()
        .filter(member -> !member.address().equals(address) && member.keepsVfioOff())
        .toList();
  }

  /** The device node: {@code vfio/12} below /dev, {@code vfio/noiommu-0} without an IOMMU. */
  public Path node(Path dev) {
    return dev.resolve("vfio").resolve((noIommu ? "noiommu-" : "") + number);
  }
}
