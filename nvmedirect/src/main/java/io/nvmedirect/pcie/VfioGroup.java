package io.nvmedirect.pcie;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.sysfs.KernelFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An IOMMU group: the functions that the IOMMU cannot tell apart, with the I/O address space that they
 * share. The kernel gives a group to one process, and once; the devices of this process that are in
 * one group share the object. The class lock owns the table and the counts.
 */
final class VfioGroup {

  private static final Path DIRECTORY = Path.of("/dev/vfio");

  private static final Map<Integer, VfioGroup> OPEN = new HashMap<>();

  private final int number;
  private final VfioContainer container;
  private final NativeFile file;
  private final GroupMemory memory;

  /** The functions of the group that this process has open. */
  private final Set<String> open = new HashSet<>();

  private VfioGroup(int number, VfioContainer container, NativeFile file, GroupMemory memory) {
    this.number = number;
    this.container = container;
    this.file = file;
    this.memory = memory;
  }

  /** The functions of a function's group that this process has open, in order; perhaps that one too. */
  static List<String> openBeside(String pciAddress) {
    String number =
        KernelFiles.linkName(Path.of("/sys/bus/pci/devices", pciAddress, "iommu_group"));
    synchronized (OPEN) {
      VfioGroup group = number == null ? null : OPEN.get(Integer.valueOf(number));
      return group == null ? List.of() : group.open.stream().sorted().toList();
    }
  }

  /**
   * Opens a group for a function, or joins the devices that have it open; {@link #release} lets go.
   *
   * @param iommu false for a group that has none, and only for such a one
   * @throws NvmeException if this process has the function open already
   */
  static VfioGroup acquire(int number, String pciAddress, boolean iommu) throws IOException {
    synchronized (OPEN) {
      Path path = path(number, iommu);
      VfioGroup group = OPEN.get(number);
      if (group == null) {
        group = open(number, path, iommu);
        OPEN.put(number, group);
      }
      // The kernel would give the same process a second descriptor of the same device.
      if (!group.open.add(pciAddress)) {
        throw new NvmeException(pciAddress + " is in use: this process has it open already");
      }
      return group;
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // the group owns them
  private static VfioGroup open(int number, Path path, boolean iommu) throws IOException {
    VfioContainer container = VfioContainer.open();
    NativeFile file = null;
    VfioGroup made = null;
    try {
      file = openFile(path, iommu);
      checkViable(file, number);
      join(file, container);
      made = new VfioGroup(number, container, file, memory(container, iommu));
      return made;
    } finally {
      if (made == null) {
        if (file != null) {
          file.close();
        }
        container.close();
      }
    }
  }

  private static GroupMemory memory(VfioContainer container, boolean iommu) throws IOException {
    if (iommu) {
      container.setIommu(Vfio.TYPE1V2_IOMMU, "type1 v2");
      return new VfioDma(container);
    }
    container.setIommu(Vfio.NOIOMMU_IOMMU, "no-IOMMU");
    return new PhysicalMemory();
  }

  /** The group's file, whose name says whether it has an IOMMU; the user has said so as well. */
  private static Path path(int number, boolean iommu) throws NvmeException {
    Path without = DIRECTORY.resolve("noiommu-" + number);
    if (Files.exists(without) == iommu) {
      throw new NvmeException(
          iommu
              ? "it has no IOMMU: the device can write to all of the machine's memory, and a bug or a killed process can destroy it; if that is accepted, append ?iommu=off to the address"
              : "it is not in VFIO's no-IOMMU mode (no %s): open it without ?iommu=off"
                  .formatted(without));
    }
    return iommu ? DIRECTORY.resolve(String.valueOf(number)) : without;
  }

  private static NativeFile openFile(Path path, boolean iommu) throws NvmeException {
    try {
      return NativeFile.open(path);
    } catch (LinuxException e) {
      throw new NvmeException(
          switch (e.errno()) {
            case Errno.EACCES, Errno.EPERM ->
                path
                    + (iommu
                        ? " belongs to another user: give it to this one, as root, with: nvmed bind --user NAME ADDRESS"
                        : " is for root only, with CAP_SYS_RAWIO: nothing else keeps the device off the machine's memory");
            case Errno.EBUSY ->
                path + " is open already, in another process or outside of this library";
            default -> String.valueOf(e.getMessage());
          },
          e);
    }
  }

  private static void checkViable(NativeFile file, int number) throws IOException {
    try (Arguments status = new Arguments(Vfio.GROUP_STATUS_BYTES, 0)) {
      status.call(file, "VFIO_GROUP_GET_STATUS", Vfio.GROUP_GET_STATUS);
      if ((status.flags() & Vfio.GROUP_VIABLE) == 0) {
        throw new NvmeException(
            "IOMMU group %d cannot be used: another device of it is bound to a driver of the kernel; see /sys/kernel/iommu_groups/%d/devices"
                .formatted(number, number));
      }
    }
  }

  private static void join(NativeFile group, VfioContainer container) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      group.ioctl(
          "VFIO_GROUP_SET_CONTAINER",
          Vfio.GROUP_SET_CONTAINER,
          arena.allocateFrom(ValueLayout.JAVA_INT, container.file().fd()));
    }
  }

  /** The descriptor of a function of the group; opening it resets the function where it can be. */
  NativeFile openDevice(String pciAddress) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      int fd =
          file.ioctl(
              "VFIO_GROUP_GET_DEVICE_FD " + pciAddress,
              Vfio.GROUP_GET_DEVICE_FD,
              arena.allocateFrom(pciAddress));
      return NativeFile.adopt(Path.of(DIRECTORY + "/" + number + " " + pciAddress), fd);
    }
  }

  GroupMemory memory() {
    return memory;
  }

  /** Ends the use for a function; the last one gives the group back to the kernel. */
  void release(String pciAddress) {
    synchronized (OPEN) {
      open.remove(pciAddress);
      if (open.isEmpty()) {
        OPEN.remove(number);
        file.close();
        memory.close();
        container.close();
      }
    }
  }
}
