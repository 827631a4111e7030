package io.nvmedirect.cli;

import io.nvmedirect.sysfs.KernelFiles;
import io.nvmedirect.sysfs.Roots;

/** VFIO's mode for machines without an IOMMU. */
final class NoIommu {

  /** Turns it on. */
  static final String COMMAND =
      "modprobe vfio; echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode";

  private NoIommu() {}

  static boolean isEnabled(Roots roots) {
    return "Y"
        .equals(
            KernelFiles.text(
                roots.sys().resolve("module/vfio/parameters/enable_unsafe_noiommu_mode")));
  }
}
