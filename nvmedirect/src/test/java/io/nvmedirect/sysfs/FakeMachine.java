package io.nvmedirect.sysfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A tree with the files and relative links that Linux has in /sys, /proc and /dev. */
final class FakeMachine {

  private final Path root;

  FakeMachine(Path root) throws IOException {
    this.root = root;
    file("proc/self/mountinfo", "22 1 259:9 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
    file("proc/swaps", "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n");
    Files.createDirectories(root.resolve("dev"));
  }

  Roots roots() {
    return Roots.under(root);
  }

  PciDevices devices() {
    return new PciDevices(roots());
  }

  FakeMachine file(String path, String text) throws IOException {
    Path file = root.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    return this;
  }

  FakeMachine link(String path, String target) throws IOException {
    Path link = root.resolve(path);
    Files.createDirectories(link.getParent());
    Files.createSymbolicLink(link, Path.of(target));
    return this;
  }

  /** A PCI function; no driver if it is empty. */
  FakeMachine function(String address, String classCode, String driver) throws IOException {
    String function = functionPath(address);
    file(function + "/class", classCode + "\n");
    file(function + "/vendor", "0x144d\n").file(function + "/device", "0xa80a\n");
    file(function + "/driver_override", "(null)\n").file(function + "/numa_node", "0\n");
    link("sys/bus/pci/devices/" + address, "../../../devices/pci0000:00/" + address);
    if (!driver.isEmpty()) {
      Files.createDirectories(root.resolve("sys/bus/pci/drivers").resolve(driver));
      link(function + "/driver", "../../../bus/pci/drivers/" + driver);
    }
    return this;
  }

  FakeMachine group(int number, String... addresses) throws IOException {
    for (String address : addresses) {
      link(functionPath(address) + "/iommu_group", "../../../kernel/iommu_groups/" + number);
      link(
          "sys/kernel/iommu_groups/" + number + "/devices/" + address,
          "../../../../devices/pci0000:00/" + address);
    }
    return this;
  }

  /** A controller of the kernel's driver with one namespace of 1 GiB. */
  FakeMachine kernelController(String address, String name, String namespace) throws IOException {
    function(address, "0x010802", "nvme");
    String instance = functionPath(address) + "/nvme/" + name;
    file(instance + "/model", "Fast SSD 1TB            \n").file(instance + "/serial", "S1\n");
    file(instance + "/firmware_rev", "1.0\n").file(instance + "/hwmon1/name", "nvme\n");
    return block(instance + "/" + namespace, namespace, "259:0")
        .file(instance + "/" + namespace + "/queue/logical_block_size", "512\n")
        .file(instance + "/" + namespace + "/nsid", "1\n");
  }

  FakeMachine partition(String address, String controller, String partition, String number)
      throws IOException {
    String namespace = partition.replaceFirst("p\\d+$", "");
    String path = functionPath(address) + "/nvme/" + controller + "/" + namespace + "/" + partition;
    return block(path, partition, number).file(path + "/partition", "1\n");
  }

  /** A block device of 1 GiB at a path below the root. */
  FakeMachine block(String path, String name, String number) throws IOException {
    file(path + "/dev", number + "\n").file(path + "/size", "2097152\n");
    return link("sys/class/block/" + name, "../../" + path.replaceFirst("^sys/", ""));
  }

  FakeMachine virtualBlock(String name, String number, String onDevice) throws IOException {
    block("sys/devices/virtual/block/" + name, name, number);
    Path holders = root.resolve("sys/class/block").resolve(onDevice).toRealPath();
    Files.createDirectories(holders.resolve("holders"));
    Files.createSymbolicLink(
        holders.resolve("holders").resolve(name),
        root.resolve("sys/devices/virtual/block").resolve(name));
    return this;
  }

  FakeMachine loop(String name, String number, Path backing) throws IOException {
    return block("sys/devices/virtual/block/" + name, name, number)
        .file("sys/devices/virtual/block/" + name + "/loop/backing_file", backing + "\n");
  }

  FakeMachine process(int pid, String command, String... openFiles) throws IOException {
    file("proc/" + pid + "/comm", command + "\n");
    for (int i = 0; i < openFiles.length; i++) {
      link("proc/" + pid + "/fd/" + (i + 3), openFiles[i]);
    }
    Files.createDirectories(root.resolve("proc/" + pid + "/fd"));
    return this;
  }

  FakeMachine mountinfo(String process, String... lines) throws IOException {
    return file("proc/" + process + "/mountinfo", String.join("\n", lines) + "\n");
  }

  private static String functionPath(String address) {
    return "sys/devices/pci0000:00/" + address;
  }
}
