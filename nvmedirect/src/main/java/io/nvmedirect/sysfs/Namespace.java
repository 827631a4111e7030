package io.nvmedirect.sysfs;

import java.util.List;

/**
 * A namespace that the kernel's driver shows as a block device.
 *
 * @param name such as nvme0n1, the name under /dev; with multipath that of all paths together
 * @param nsid the namespace identifier; 0 if the kernel does not tell
 * @param sizeBytes of its data
 * @param blockBytes of a logical block
 * @param metadataBytes of a logical block
 */
public record Namespace(
    String name,
    int nsid,
    long sizeBytes,
    int blockBytes,
    int metadataBytes,
    List<Partition> partitions) {

  /**
   * A partition.
   *
   * @param name such as nvme0n1p1
   */
  public record Partition(String name, long sizeBytes) {}

  /** The name of its character device under /dev, such as ng0n1. */
  String genericName() {
    return name.replaceFirst("^nvme", "ng");
  }
}
