package io.nvmedirect.sysfs;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Who uses which device: a picture of the machine at one time. */
final class Uses {

  private final Roots roots;
  private final Mounts mounts;
  private final OpenFiles openFiles;
  private final Set<String> swaps = new HashSet<>();

  private Uses(Roots roots) {
    this.roots = roots;
    this.mounts = Mounts.read(roots);
    this.openFiles = OpenFiles.read(roots.proc());
  }

  static Uses read(Roots roots) {
    Uses uses = new Uses(roots);
    for (String line : KernelFiles.lines(roots.proc().resolve("swaps"))) {
      String file = line.split("\\s", 2)[0];
      uses.swaps.add(DeviceNodes.name(roots.dev(), Mounts.unescape(file)));
    }
    return uses;
  }

  /** All uses of a controller: of the kernel's devices, and of its VFIO group. */
  List<Use> of(
      Path function,
      @Nullable String name,
      @Nullable IommuGroup group,
      List<Namespace> namespaces) {
    List<Use> uses = new ArrayList<>();
    if (name != null) {
      String number = DeviceNumber.ofCharacter(function.resolve("nvme").resolve(name));
      opened(uses, null, name, "controller " + name, number, List.of("/dev/" + name));
    }
    for (Namespace namespace : namespaces) {
      new Visit(namespace.name(), uses).visit(namespace);
    }
    if (group != null) {
      Path node = group.node(Path.of("dev"));
      String number = DeviceNumber.ofCharacter(group.node(roots.sys().resolve("class")));
      opened(
          uses, null, node.toString(), "VFIO group " + group.number(), number, List.of("/" + node));
    }
    for (Path device : KernelFiles.children(function.resolve("vfio-dev"))) {
      String node = "vfio/devices/" + KernelFiles.name(device);
      opened(
          uses,
          null,
          node,
          "VFIO device " + KernelFiles.name(device),
          DeviceNumber.ofCharacter(device),
          List.of("/dev/" + node));
    }
    return List.copyOf(uses);
  }

  /** All uses of a block device, of its partitions and of what lies on them, but for this process's. */
  List<Use> of(String name) {
    List<Use> uses = new ArrayList<>();
    Visit visit = new Visit(name, uses);
    visit.device(name, describe(name), List.of());
    visit.partitions(name);
    long own = ProcessHandle.current().pid();
    return uses.stream().filter(use -> !use.isOpenBy(own)).toList();
  }

  private void opened(
      List<Use> uses,
      @Nullable String namespace,
      String device,
      String subject,
      @Nullable String number,
      List<String> nodes) {
    for (String process : openFiles.of(number, nodes)) {
      uses.add(new Use(Use.Kind.OPEN, namespace, device, subject, process));
    }
  }

  /** The way from a namespace up through all that lies on it; nothing is visited twice. */
  private final class Visit {

    private final String namespace;
    private final List<Use> uses;
    private final Set<String> seen = new HashSet<>();

    Visit(String namespace, List<Use> uses) {
      this.namespace = namespace;
      this.uses = uses;
    }

    void visit(Namespace visited) {
      device(visited.name(), "namespace " + visited.name(), List.of());
      String generic = visited.genericName();
      opened(
          uses,
          namespace,
          generic,
          "namespace " + generic,
          DeviceNumber.ofCharacter(roots.sys().resolve("class/nvme-generic").resolve(generic)),
          List.of("/dev/" + generic));
      for (Namespace.Partition partition : visited.partitions()) {
        device(partition.name(), "partition " + partition.name(), List.of());
      }
    }

    /**
     * A block device.
     *
     * @param otherNodes names of nodes beside /dev/NAME
     */
    private void device(String name, String subject, List<String> otherNodes) {
      for (String place : mounts.of(name)) {
        add(Use.Kind.MOUNTED, name, subject, place);
      }
      if (swaps.contains(name)) {
        add(Use.Kind.SWAP, name, subject, "");
      }
      List<String> nodes = new ArrayList<>(otherNodes);
      nodes.add("/dev/" + name);
      opened(uses, namespace, name, subject, DeviceNumber.ofBlock(roots.block(name)), nodes);
      for (Path link : KernelFiles.children(roots.block(name).resolve("holders"))) {
        holder(name, subject, KernelFiles.name(link));
      }
      for (Path loop : KernelFiles.children(roots.sys().resolve("class/block"))) {
        // A loop device is no holder of what is below it.
        if (("/dev/" + name).equals(KernelFiles.text(loop.resolve("loop/backing_file")))) {
          holder(name, subject, KernelFiles.name(loop));
        }
      }
    }

    private void holder(String name, String subject, String holder) {
      String description = describe(holder);
      add(Use.Kind.HELD, name, subject, description);
      if (seen.add(holder)) {
        String mapped = KernelFiles.text(roots.block(holder).resolve("dm/name"));
        // Where no udev makes a link of it, /dev/mapper has nodes.
        device(holder, description, mapped == null ? List.of() : List.of("/dev/mapper/" + mapped));
        partitions(holder);
      }
    }

    private void partitions(String disk) {
      for (Path child : KernelFiles.children(roots.block(disk))) {
        if (Files.exists(child.resolve("partition"))) {
          device(KernelFiles.name(child), "partition " + KernelFiles.name(child), List.of());
        }
      }
    }

    private void add(Use.Kind kind, String device, String subject, String by) {
      uses.add(new Use(kind, namespace, device, subject, by));
    }
  }

  /** {@code LVM volume vg0-root (dm-0)}. */
  private String describe(String holder) {
    Path block = roots.block(holder);
    if (Files.exists(block.resolve("partition"))) {
      return "partition " + holder;
    }
    String mapped = KernelFiles.text(block.resolve("dm/name"));
    if (mapped != null) {
      String uuid = Objects.requireNonNullElse(KernelFiles.text(block.resolve("dm/uuid")), "");
      String what =
          uuid.startsWith("LVM-")
              ? "LVM volume"
              : uuid.startsWith("CRYPT-") ? "encrypted device" : "device-mapper device";
      return "%s %s (%s)".formatted(what, mapped, holder);
    }
    if (Files.exists(block.resolve("md"))) {
      String level = KernelFiles.text(block.resolve("md/level"));
      return "MD array " + holder + (level == null || level.isEmpty() ? "" : " (" + level + ")");
    }
    if (holder.startsWith("bcache")) {
      return "bcache device " + holder;
    }
    return (holder.startsWith("loop") ? "loop device " : "block device ") + holder;
  }
}
