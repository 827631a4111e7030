package io.nvmedirect.sysfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

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

  /**
   * The kernel's name of the block device that a path leads to, whatever the path is called; null if it leads to
   * something else, or to nothing.
   */
  static @Nullable String blockName(Roots roots, Path path) throws IOException {
    if (Files.notExists(path)) {
      return null;
    }
    Path node = path.toRealPath();
    String number = DeviceNumber.of(node);
    if (number != null && number.startsWith("b")) {
      String name =
          KernelFiles.linkName(roots.sys().resolve("dev/block").resolve(number.substring(1)));
      return name == null ? KernelFiles.name(node) : name;
    }
    // A node of a machine below another root is a plain file.
    String name = KernelFiles.name(node);
    boolean known = Files.exists(roots.block(name).resolve("dev"));
    return known && node.equals(roots.dev().toRealPath().resolve(name)) ? name : null;
  }

  /** The disk that a block device is a partition of; itself if it is none. */
  static String disk(Roots roots, String name) {
    Path block = roots.block(name);
    if (Files.exists(block.resolve("partition"))) {
      try {
        return KernelFiles.name(block.toRealPath().resolveSibling(""));
      } catch (IOException e) {
        return name; // gone
      }
    }
    return name;
  }
}
