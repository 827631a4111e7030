package io.nvmedirect.pcie;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.spec.NvmeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A VFIO container: the I/O address space of the groups in it. Safe for any thread. */
final class VfioContainer implements AutoCloseable {

  private static final Path PATH = Path.of("/dev/vfio/vfio");

  /** What every IOMMU can translate, for kernels that do not tell (before 5.4). */
  private static final List<IovaSpace.Range> UNKNOWN =
      List.of(
          new IovaSpace.Range(0, 0xfedf_ffffL), new IovaSpace.Range(0xfef0_0000L, (1L << 39) - 1));

  private final NativeFile file;

  private VfioContainer(NativeFile file) {
    this.file = file;
  }

  static VfioContainer open() throws NvmeException, LinuxException {
    VfioContainer made = new VfioContainer(openFile());
    try {
      made.checkVersion();
      return made;
    } catch (LinuxException | NvmeException e) {
      made.close();
      throw e;
    }
  }

  private void checkVersion() throws NvmeException, LinuxException {
    int version = file.ioctl("VFIO_GET_API_VERSION", Vfio.GET_API_VERSION, 0);
    if (version != Vfio.API_VERSION) {
      throw new NvmeException(
          "the kernel's VFIO has API version %d, and %d is needed"
              .formatted(version, Vfio.API_VERSION));
    }
  }

  private static NativeFile openFile() throws NvmeException {
    try {
      return NativeFile.open(PATH);
    } catch (LinuxException e) {
      throw new NvmeException(
          switch (e.errno()) {
            case Errno.ENOENT, Errno.ENODEV ->
                "VFIO is not there (no %s): load it with: modprobe vfio-pci".formatted(PATH);
            case Errno.EACCES, Errno.EPERM ->
                "%s may not be opened by this user: it is usually open to all (mode 666)"
                    .formatted(PATH);
            default -> String.valueOf(e.getMessage());
          },
          e);
    }
  }

  NativeFile file() {
    return file;
  }

  /** Chooses the kind of IOMMU; a group is in the container. */
  void setIommu(int type, String name) throws LinuxException, NvmeException {
    if (file.ioctl("VFIO_CHECK_EXTENSION", Vfio.CHECK_EXTENSION, type) == 0) {
      throw new NvmeException("the kernel's VFIO does not support the IOMMU type " + name);
    }
    file.ioctl("VFIO_SET_IOMMU " + name, Vfio.SET_IOMMU, type);
  }

  /** What the IOMMU can translate, ascending. */
  List<IovaSpace.Range> usable() throws LinuxException {
    try (Arguments info = new Arguments(Vfio.IOMMU_INFO_BYTES, 0)) {
      info.callForAll(file, "VFIO_IOMMU_GET_INFO", Vfio.IOMMU_GET_INFO);
      long cap =
          (info.flags() & Vfio.IOMMU_INFO_HAS_CAPS) == 0
              ? 0
              : info.capability(info.getInt(16), Vfio.CAP_IOVA_RANGE);
      if (cap == 0) {
        return UNKNOWN;
      }
      List<IovaSpace.Range> ranges = new ArrayList<>();
      int count = info.getInt(cap + 8);
      for (int i = 0; i < count; i++) {
        long at = cap + 16 + i * 16L;
        ranges.add(new IovaSpace.Range(info.getLong(at), info.getLong(at + 8)));
      }
      return ranges;
    }
  }

  /**
   * Maps memory, which is pinned.
   *
   * @return 0 or {@code -errno}
   */
  int map(long address, long iova, long bytes) {
    try (Arguments map = new Arguments(Vfio.DMA_MAP_BYTES, Vfio.DMA_READ_WRITE)) {
      return map.set(8, address).set(16, iova).set(24, bytes).tryCall(file, Vfio.IOMMU_MAP_DMA);
    }
  }

  /**
   * Ends a mapping.
   *
   * @return 0 or {@code -errno}
   */
  int unmap(long iova, long bytes) {
    try (Arguments unmap = new Arguments(Vfio.DMA_UNMAP_BYTES, 0)) {
      return unmap.set(8, iova).set(16, bytes).tryCall(file, Vfio.IOMMU_UNMAP_DMA);
    }
  }

  @Override
  public void close() {
    file.close();
  }
}
