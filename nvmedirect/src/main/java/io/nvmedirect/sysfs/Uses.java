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
  private final LoopDevices loops;
  private final Set<String> swaps = new HashSet<>();

  /** Read when they are first asked for, for it takes the longest by far. */
  private @Nullable OpenFiles openFiles;

  private Uses(Roots roots) {
    this.roots = roots;
    this.mounts = Mounts.read(roots);
    this.loops = LoopDevices.read(roots);
  }

  static Uses read(Roots roots) {
    Uses uses = new Uses(roots);
    for (String line : KernelFiles.lines(roots.proc().resolve("swaps"))) {
      String name = DeviceNodes.name(roots.dev(), Mounts.unescape(line.split("\\s", 2)[0]));
      String number = name.startsWith("/") ? DeviceNumber.orInode(Path.of(name)) : null;
      uses.swaps.add(number == null ? name : number);
    }
    return uses;
  }

  /** What a loop device lies on; null if it is none, or on nothing. */
  LoopDevices.@Nullable Backing below(String loop) {
    return loops.below(loop);
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
      new Visit(namespace.name(), uses, null).visit(namespace);
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

  /**
   * All uses of a block device: of it, of its partitions, of the disk that it is a partition of, and of what lies on
   * them.
   *
   * @param except a loop device that does not count
   */
  List<Use> of(String name, @Nullable String except) {
    List<Use> uses = new ArrayList<>();
    Visit visit = new Visit(name, uses, except);
    visit.device(name, describe(name), List.of());
    visit.partitions(name);
    String disk = DeviceNodes.disk(roots, name);
    if (!disk.equals(name)) {
      visit.device(disk, describe(disk), List.of());
    }
    return List.copyOf(uses);
  }

  /**
   * All uses of a file that is no device. The processes that have it open do not count: anybody may read a file, and
   * who writes to it says so by a lock.
   *
   * @param number which one ({@link DeviceNumber#orInode})
   * @param except a loop device that does not count
   */
  List<Use> ofFile(Path path, String number, @Nullable String except) {
    List<Use> uses = new ArrayList<>();
    new Visit(null, uses, except).file(path.toString(), number);
    return List.copyOf(uses);
  }

  /** The processes that have a file open which is no device. */
  List<Use> openers(Path path, String number) {
    List<Use> uses = new ArrayList<>();
    opened(uses, null, path.toString(), "file " + path, number, List.of());
    return List.copyOf(uses);
  }

  private void opened(
      List<Use> uses,
      @Nullable String namespace,
      String device,
      String subject,
      @Nullable String number,
      List<String> nodes) {
    if (openFiles == null) {
      openFiles = OpenFiles.read(roots.proc());
    }
    for (String process : openFiles.of(number, nodes)) {
      uses.add(new Use(Use.Kind.OPEN, namespace, device, subject, process));
    }
  }

  /** The way from a namespace up through all that lies on it; nothing is visited twice. */
  private final class Visit {

    private final @Nullable String namespace;
    private final List<Use> uses;
    private final @Nullable String except;
    private final Set<String> seen = new HashSet<>();

    /**
     * @param except a loop device that does not count
     */
    Visit(@Nullable String namespace, List<Use> uses, @Nullable String except) {
      this.namespace = namespace;
      this.uses = uses;
      this.except = except;
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
      String number = DeviceNumber.ofBlock(roots.block(name));
      opened(uses, namespace, name, subject, number, nodes);
      for (Path link : KernelFiles.children(roots.block(name).resolve("holders"))) {
        holder(name, subject, KernelFiles.name(link));
      }
      loops(name, subject, number, "/dev/" + name);
    }

    private void file(String path, String number) {
      String subject = "file " + path;
      for (String place : mounts.ofFile(number)) {
        add(Use.Kind.MOUNTED, path, subject, place);
      }
      if (swaps.contains(number)) {
        add(Use.Kind.SWAP, path, subject, "");
      }
      loops(path, subject, number, path);
    }

    private void loops(String name, String subject, @Nullable String number, String node) {
      for (String loop : loops.on(number, node)) {
        if (!loop.equals(except)) {
          holder(name, subject, loop);
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
