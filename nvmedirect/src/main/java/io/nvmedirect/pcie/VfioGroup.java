package io.nvmedirect.pcie;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * An IOMMU group: the functions that the IOMMU cannot tell apart, with the I/O address space that they
 * share. The kernel gives a group to one process, and once; the devices of this process that are in
 * one group share the object. The class lock owns the table and the counts.
 */
final class VfioGroup {

  private static final Path DIRECTORY = Path.of("/dev/vfio");

  private static final Map<Integer, VfioGroup> OPEN = new HashMap<>();

  private final int number;
  private final NativeFile file;
  private final VfioDma dma;
  private int users = 1;

  private VfioGroup(int number, NativeFile file, VfioDma dma) {
    this.number = number;
    this.file = file;
    this.dma = dma;
  }

  /** Opens a group, or counts one more user of it; each user calls {@link #release}. */
  static VfioGroup acquire(int number) throws IOException {
    synchronized (OPEN) {
      VfioGroup group = OPEN.get(number);
      if (group == null) {
        group = open(number);
        OPEN.put(number, group);
      } else {
        group.users++;
      }
      return group;
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // the group owns them
  private static VfioGroup open(int number) throws IOException {
    VfioContainer container = VfioContainer.open();
    NativeFile file = null;
    VfioGroup made = null;
    try {
      file = openFile(number);
      checkViable(file, number);
      join(file, container);
      container.setIommu(Vfio.TYPE1V2_IOMMU, "type1 v2");
      made = new VfioGroup(number, file, new VfioDma(container));
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

  private static NativeFile openFile(int number) throws NvmeException {
    Path path = DIRECTORY.resolve(String.valueOf(number));
    try {
      return NativeFile.open(path);
    } catch (LinuxException e) {
      throw new NvmeException(
          switch (e.errno()) {
            case Errno.EACCES, Errno.EPERM ->
                "%s belongs to another user: give it to this one with: nvmed bind --user NAME ADDRESS, as root"
                    .formatted(path);
            case Errno.EBUSY ->
                "%s is in use: a device of IOMMU group %d is open already".formatted(path, number);
            default -> "cannot open " + path;
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

  VfioDma dma() {
    return dma;
  }

  /** Ends a use; the last one gives the group back to the kernel. */
  void release() {
    synchronized (OPEN) {
      if (--users == 0) {
        OPEN.remove(number);
        file.close();
        dma.close();
      }
    }
  }
}
