package io.nvmedirect.sysfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The NVMe controllers on the PCI buses of this machine, as far as Linux shows them to this user. */
public final class PciDevices {

  private static final int NVME_CLASS = 0x0108;
  private static final int SECTOR_BYTES = 512;

  /** nvme0n1, and nvme0c1n1: path 1 to namespace 1 of subsystem 0, whose block device is nvme0n1. */
  private static final Pattern NAMESPACE = Pattern.compile("(nvme\\d+)(?:c\\d+)?(n\\d+)");

  private static final Pattern GENERIC = Pattern.compile("ng(\\d+n\\d+)");

  private final Roots roots;

  /** Constructs with other places than the usual ones. */
  public PciDevices(Roots roots) {
    this.roots = roots;
  }

  /** Those of this machine. */
  public static PciDevices local() {
    return new PciDevices(Roots.local());
  }

  /** Finds all of them, in the order of their addresses; each call looks anew. */
  public List<NvmeController> list() {
    Uses uses = Uses.read(roots);
    return addresses().stream().map(address -> controller(address, uses)).toList();
  }

  /** Whether {@link NvmeController#uses} tells of the open files of all processes, which takes root. */
  public boolean seesAllProcesses() {
    return OpenFiles.read(roots.proc()).complete();
  }

  /**
   * Finds one by its PCI address (see {@link PciAddress#parse}), or by the name of the kernel's device
   * such as {@code nvme0}, {@code nvme0n1} or {@code /dev/nvme0n1}.
   *
   * @throws IllegalArgumentException if it is neither
   * @throws IOException if there is no such NVMe controller
   */
  public NvmeController find(String addressOrName) throws IOException {
    PciAddress address =
        PciAddress.matches(addressOrName)
            ? PciAddress.parse(addressOrName)
            : addressOf(addressOrName);
    Path function = roots.function(address);
    if (!Files.isDirectory(function)) {
      throw new IOException("there is no PCI device %s; %s".formatted(address, whatThereIs()));
    }
    if (!isNvme(function)) {
      throw new IOException(
          "%s is not an NVMe controller (class %s); %s"
              .formatted(address, KernelFiles.text(function.resolve("class")), whatThereIs()));
    }
    return controller(address, Uses.read(roots));
  }

  /**
   * Why this process cannot open the controller through VFIO now and what to do about it, in one line;
   * null if it is bound to vfio-pci and nobody else has it.
   *
   * @throws IllegalArgumentException if it is not an address
   * @throws IOException if there is no such NVMe controller
   */
  public @Nullable String refusal(String address) throws IOException {
    return find(address).refusalTo(ProcessHandle.current().pid());
  }

  private String whatThereIs() {
    List<PciAddress> addresses = addresses();
    return addresses.isEmpty()
        ? "this machine has no NVMe controller on a PCI bus"
        : "NVMe controllers of this machine: "
            + addresses.stream().map(Object::toString).collect(Collectors.joining(", "));
  }

  private List<PciAddress> addresses() {
    return KernelFiles.children(roots.sys().resolve("bus/pci/devices")).stream()
        .filter(function -> PciAddress.matches(KernelFiles.name(function)) && isNvme(function))
        .map(function -> PciAddress.parse(KernelFiles.name(function)))
        .sorted()
        .toList();
  }

  private static boolean isNvme(Path function) {
    return KernelFiles.hexadecimal(function.resolve("class"), 0) >>> 8 == NVME_CLASS;
  }

  private PciAddress addressOf(String text) throws IOException {
    String node = text.startsWith("/dev/") ? text : "/dev/" + text;
    String name = DeviceNodes.name(roots.dev(), node);
    Matcher generic = GENERIC.matcher(name);
    String wanted = generic.matches() ? "nvme" + generic.group(1) : name;
    if (!wanted.matches("nvme\\d+(n\\d+(p\\d+)?)?")) {
      throw new IllegalArgumentException(
          "'%s' is not an NVMe controller: give a PCI address such as 0000:01:00.0 or 01:00.0, or a device such as /dev/nvme0 or nvme0n1"
              .formatted(text));
    }
    List<PciAddress> found =
        addresses().stream().filter(address -> hasName(address, wanted)).toList();
    if (found.size() == 1 && !wanted.matches(".*p\\d+")) {
      return found.getFirst();
    }
    if (found.isEmpty()) {
      throw new IOException("no NVMe controller has '%s'; %s".formatted(text, whatThereIs()));
    }
    throw new IOException(
        "'%s' is %s: give the address of a controller: %s"
            .formatted(
                text,
                found.size() > 1 ? "on several paths" : "a partition",
                found.stream().map(Object::toString).collect(Collectors.joining(", "))));
  }

  private boolean hasName(PciAddress address, String wanted) {
    Path instance = instance(roots.function(address));
    if (instance == null) {
      return false;
    }
    String namespace = wanted.replaceFirst("p\\d+$", "");
    return KernelFiles.name(instance).equals(wanted)
        || namespaces(instance).stream().anyMatch(n -> n.name().equals(namespace));
  }

  private NvmeController controller(PciAddress address, Uses uses) {
    Path function = roots.function(address);
    Path instance = instance(function);
    String name = instance == null ? null : KernelFiles.name(instance);
    IommuGroup group = group(function);
    List<Namespace> namespaces = instance == null ? List.of() : namespaces(instance);
    return new NvmeController(
        address,
        KernelFiles.hexadecimal(function.resolve("vendor"), 0),
        KernelFiles.hexadecimal(function.resolve("device"), 0),
        KernelFiles.hexadecimal(function.resolve("class"), 0),
        KernelFiles.linkName(function.resolve("driver")),
        override(function),
        group,
        (int) KernelFiles.number(function.resolve("numa_node"), -1),
        name,
        instance == null ? null : KernelFiles.text(instance.resolve("model")),
        instance == null ? null : KernelFiles.text(instance.resolve("serial")),
        instance == null ? null : KernelFiles.text(instance.resolve("firmware_rev")),
        namespaces,
        uses.of(function, name, group, namespaces));
  }

  private static @Nullable String override(Path function) {
    String text = KernelFiles.text(function.resolve("driver_override"));
    return text == null || text.isEmpty() || text.equals("(null)") ? null : text;
  }

  private static @Nullable Path instance(Path function) {
    List<Path> instances = KernelFiles.children(function.resolve("nvme"));
    return instances.isEmpty() ? null : instances.getFirst();
  }

  private @Nullable IommuGroup group(Path function) {
    String number = KernelFiles.linkName(function.resolve("iommu_group"));
    if (number == null || !number.matches("\\d{1,9}")) {
      return null;
    }
    Path directory = roots.sys().resolve("kernel/iommu_groups").resolve(number);
    List<IommuGroup.Member> members = new ArrayList<>();
    for (Path member : KernelFiles.children(directory.resolve("devices"))) {
      // A group may also have devices of other buses, which have no PCI address.
      if (PciAddress.matches(KernelFiles.name(member))) {
        PciAddress address = PciAddress.parse(KernelFiles.name(member));
        Path other = roots.function(address);
        members.add(
            new IommuGroup.Member(
                address,
                KernelFiles.hexadecimal(other.resolve("class"), 0),
                KernelFiles.linkName(other.resolve("driver"))));
      }
    }
    boolean noIommu = "vfio-noiommu".equals(KernelFiles.text(directory.resolve("name")));
    return new IommuGroup(Integer.parseInt(number), noIommu, List.copyOf(members));
  }

  private List<Namespace> namespaces(Path instance) {
    List<Namespace> namespaces = new ArrayList<>();
    for (Path child : KernelFiles.children(instance)) {
      Matcher matcher = NAMESPACE.matcher(KernelFiles.name(child));
      if (matcher.matches()) {
        String name = matcher.group(1) + matcher.group(2);
        // With multipath, partitions and holders are the head's; the path's own device is hidden.
        Path head = roots.block(name);
        namespaces.add(namespace(name, Files.isDirectory(head) ? head : child));
      }
    }
    return List.copyOf(namespaces);
  }

  private static Namespace namespace(String name, Path block) {
    List<Namespace.Partition> partitions = new ArrayList<>();
    for (Path child : KernelFiles.children(block)) {
      if (Files.exists(child.resolve("partition"))) {
        partitions.add(new Namespace.Partition(KernelFiles.name(child), bytes(child)));
      }
    }
    return new Namespace(
        name,
        (int) KernelFiles.number(block.resolve("nsid"), 0),
        bytes(block),
        (int) KernelFiles.number(block.resolve("queue/logical_block_size"), 0),
        (int) KernelFiles.number(block.resolve("metadata_bytes"), 0),
        List.copyOf(partitions));
  }

  private static long bytes(Path block) {
    return KernelFiles.number(block.resolve("size"), 0) * SECTOR_BYTES;
  }
}
