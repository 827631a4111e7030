package io.nvmedirect.cli;

import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A tree with the files and relative links that Linux has in /sys, /proc and /dev. */
final class FakeMachine {

  final Path root;

  FakeMachine(Path root) throws IOException {
    this.root = root;
    file("proc/self/mountinfo", "22 1 259:9 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
    file("sys/bus/pci/drivers_probe", "");
    driver("nvme").driver("vfio-pci");
    Files.createDirectories(root.resolve("dev/vfio"));
  }

  Roots roots() {
    return Roots.under(root);
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
    Files.deleteIfExists(link);
    Files.createSymbolicLink(link, Path.of(target));
    return this;
  }

  FakeMachine driver(String name) throws IOException {
    return file("sys/bus/pci/drivers/" + name + "/unbind", "");
  }

  /** A PCI function; no driver if it is empty. */
  FakeMachine function(String address, String classCode, String driver) throws IOException {
    String function = functionPath(address);
    file(function + "/class", classCode + "\n");
    file(function + "/vendor", "0x144d\n").file(function + "/device", "0xa80a\n");
    file(function + "/driver_override", "(null)\n").file(function + "/numa_node", "-1\n");
    link("sys/bus/pci/devices/" + address, "../../../devices/pci0000:00/" + address);
    return driver.isEmpty()
        ? this
        : driver(driver).link(function + "/driver", "../../../bus/pci/drivers/" + driver);
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

  /** A controller of the kernel's driver, without namespaces. */
  FakeMachine kernelController(String address, String name, String model) throws IOException {
    function(address, "0x010802", "nvme");
    String instance = functionPath(address) + "/nvme/" + name;
    return file(instance + "/model", model + "            \n").file(instance + "/serial", "S1\n");
  }

  /** A namespace, or a partition of one. */
  FakeMachine block(String address, String below, String number, long sectors, int blockBytes)
      throws IOException {
    String path = functionPath(address) + "/nvme/" + below;
    String name = below.substring(below.lastIndexOf('/') + 1);
    file(path + "/dev", number + "\n").file(path + "/size", sectors + "\n");
    file(path + "/queue/logical_block_size", blockBytes + "\n");
    if (name.matches(".*p\\d+")) {
      file(path + "/partition", "1\n");
    }
    return link("sys/class/block/" + name, "../../" + path.replaceFirst("^sys/", ""));
  }

  FakeMachine mountinfo(String... lines) throws IOException {
    return file("proc/self/mountinfo", String.join("\n", lines) + "\n");
  }

  FakeMachine process(int pid, String command, String openFile) throws IOException {
    return file("proc/" + pid + "/comm", command + "\n").link("proc/" + pid + "/fd/3", openFile);
  }

  static String functionPath(String address) {
    return "sys/devices/pci0000:00/" + address;
  }
}
