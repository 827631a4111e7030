package io.nvmedirect.sysfs;

import java.nio.file.Path;

/**
 * Where the kernel's file systems are.
 *
 * @param sys sysfs, usually /sys
 * @param proc procfs, usually /proc
 * @param dev device nodes, usually /dev
 * @param modules kernel modules by release, usually /lib/modules
 */
public record Roots(Path sys, Path proc, Path dev, Path modules) {

  /** Those of this machine. */
  public static Roots local() {
    return under(Path.of("/"));
  }

  /** The usual names below another root directory. */
  public static Roots under(Path root) {
    return new Roots(
        root.resolve("sys"),
        root.resolve("proc"),
        root.resolve("dev"),
        root.resolve("lib/modules"));
  }

  /** The directory of a PCI function. */
  public Path function(PciAddress address) {
    return sys.resolve("bus/pci/devices").resolve(address.toString());
  }

  /** The directory of a block device or partition, such as nvme0n1p1. */
  Path block(String name) {
    return sys.resolve("class/block").resolve(name);
  }
}
