package io.nvmedirect.cli;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The NVMe controllers on the PCI buses of this machine, as Linux shows them to every user. */
final class SysfsControllers {

  /**
   * A controller. What only a driver knows is null without one.
   *
   * @param pciAddress such as 0000:01:00.0
   * @param driver such as nvme or vfio-pci
   * @param name such as nvme0
   */
  record Controller(
      String pciAddress,
      @Nullable String driver,
      @Nullable String name,
      @Nullable String model,
      @Nullable String serial,
      List<Namespace> namespaces) {}

  /**
   * A namespace of a controller that the kernel's driver keeps.
   *
   * @param name such as nvme0n1, the name under /dev
   */
  record Namespace(String name, long sizeBytes, int blockBytes) {}

  private static final String NVME_CLASS = "0x0108";
  private static final int SECTOR_BYTES = 512;

  /** nvme0n1, and nvme0c1n1: path 1 to namespace 1 of subsystem 0, whose device is nvme0n1. */
  private static final Pattern NAMESPACE = Pattern.compile("(nvme\\d+)(?:c\\d+)?(n\\d+)");

  private final Path sysfs;

  SysfsControllers(Path sysfs) {
    this.sysfs = sysfs;
  }

  /** Finds them, in the order of their addresses. */
  List<Controller> list() throws IOException {
    List<Controller> controllers = new ArrayList<>();
    for (Path function : children(sysfs.resolve("bus/pci/devices"))) {
      if (Objects.requireNonNullElse(text(function.resolve("class")), "").startsWith(NVME_CLASS)) {
        controllers.add(controller(function));
      }
    }
    return controllers;
  }

  private static Controller controller(Path function) throws IOException {
    Path driver = function.resolve("driver");
    List<Path> instances = children(function.resolve("nvme"));
    Path instance = instances.isEmpty() ? null : instances.getFirst();
    return new Controller(
        name(function),
        Files.exists(driver) ? name(driver.toRealPath()) : null,
        instance == null ? null : name(instance),
        instance == null ? null : text(instance.resolve("model")),
        instance == null ? null : text(instance.resolve("serial")),
        instance == null ? List.of() : namespaces(instance));
  }

  private static List<Namespace> namespaces(Path instance) throws IOException {
    List<Namespace> namespaces = new ArrayList<>();
    for (Path child : children(instance)) {
      Matcher matcher = NAMESPACE.matcher(name(child));
      if (matcher.matches()) {
        namespaces.add(
            new Namespace(
                matcher.group(1) + matcher.group(2),
                number(child.resolve("size")) * SECTOR_BYTES,
                (int) number(child.resolve("queue/logical_block_size"))));
      }
    }
    return namespaces;
  }

  private static List<Path> children(Path directory) throws IOException {
    List<Path> children = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
        entries.forEach(children::add);
      }
    }
    children.sort(null);
    return children;
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  private static @Nullable String text(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      return null; // a device may leave at any time
    }
  }

  private static long number(Path file) {
    String text = text(file);
    return text != null && text.matches("\\d{1,18}") ? Long.parseLong(text) : 0;
  }
}
