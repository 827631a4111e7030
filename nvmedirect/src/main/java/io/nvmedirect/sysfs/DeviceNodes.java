package io.nvmedirect.sysfs;

import java.io.IOException;
import java.nio.file.Path;

/** Names under /dev. */
final class DeviceNodes {

  private static final String DEV = "/dev/";

  private DeviceNodes() {}

  /** The kernel's name of a node: {@code /dev/mapper/vg-swap} is dm-1, {@code /dev/nvme0n1} nvme0n1. */
  static String name(Path dev, String node) {
    if (!node.startsWith(DEV)) {
      return node;
    }
    String below = node.substring(DEV.length());
    try {
      return KernelFiles.name(dev.resolve(below).toRealPath());
    } catch (IOException e) {
      return below; // gone, or of another mount namespace
    }
  }
}
