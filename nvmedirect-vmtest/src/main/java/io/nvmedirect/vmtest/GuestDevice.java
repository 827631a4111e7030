package io.nvmedirect.vmtest;

import java.util.List;

/**
 * The NVMe controllers of the virtual machine, all of them QEMU's, behind an IOMMU, each in an IOMMU group of
 * its own. Their namespaces are empty when the machine starts.
 *
 * <p>This list is the only place that knows them: the host makes QEMU's options and the files from it, the
 * guest binds drivers by it, and tests take addresses and sizes from it.
 */
public enum GuestDevice {
  /** What most devices are: one namespace of 512-byte blocks. */
  PLAIN(0x10, Driver.VFIO, "", new Namespace(512, Size.MIB_64)),
  LBA_4096(0x11, Driver.VFIO, "", new Namespace(4096, Size.MIB_64)),
  /** Namespace 1 of 512-byte blocks, namespace 2 of 4096-byte blocks. */
  TWO_NAMESPACES(
      0x12, Driver.VFIO, "", new Namespace(512, Size.MIB_64), new Namespace(4096, Size.MIB_64)),
  /** No limit for the data of one command. */
  MDTS_NONE(0x13, Driver.VFIO, "mdts=0", new Namespace(512, Size.MIB_64)),
  /** At most 8 KiB in one command. */
  MDTS_8_KIB(0x14, Driver.VFIO, "mdts=1", new Namespace(512, Size.MIB_64)),
  /** At most 2 MiB in one command. */
  MDTS_2_MIB(0x15, Driver.VFIO, "mdts=9", new Namespace(512, Size.MIB_64)),
  ONE_IO_QUEUE(0x16, Driver.VFIO, "max_ioqpairs=1", new Namespace(512, Size.MIB_64)),
  /** Many queues, but one interrupt vector beside that of the admin queue. */
  TWO_VECTORS(0x17, Driver.VFIO, "msix_qsize=2", new Namespace(512, Size.MIB_64)),
  /** Sparse, so that I/O at its end costs nothing. */
  ONE_TIB(0x18, Driver.VFIO, "", new Namespace(512, Size.TIB)),
  /** With a controller memory buffer of 16 MiB. */
  CONTROLLER_MEMORY(0x19, Driver.VFIO, "cmb_size_mb=16", new Namespace(512, Size.MIB_64)),
  /** For tests that hand a device back and forth between our driver and the kernel's. */
  SHARED_A(0x1a, Driver.NVME, "", new Namespace(512, Size.MIB_64)),
  SHARED_B(0x1b, Driver.NVME, "", new Namespace(512, Size.MIB_64)),
  /** Takes a quarter of a second for each I/O. */
  SLOW(0x1c, Driver.VFIO, "", new Namespace(512, Size.MIB_64, "throttling.iops-total=4"));

  /** Who has a device when the tests begin. */
  public enum Driver {
    VFIO("vfio-pci"),
    NVME("nvme");

    private final String kernelName;

    Driver(String kernelName) {
      this.kernelName = kernelName;
    }

    /** The name of the driver in sysfs. */
    public String kernelName() {
      return kernelName;
    }
  }

  /**
   * A namespace, sizes in bytes.
   *
   * @param driveOptions of QEMU's drive, separated by commas; empty if there are none
   */
  public record Namespace(int blockBytes, long sizeBytes, String driveOptions) {

    Namespace(int blockBytes, long sizeBytes) {
      this(blockBytes, sizeBytes, "");
    }
  }

  private static final class Size {
    static final long MIB_64 = 64L << 20;
    static final long TIB = 1L << 40;
  }

  private final int slot;
  private final Driver driver;
  private final String options;

  /** Immutable, made by List.of. */
  @SuppressWarnings("ImmutableEnumChecker")
  private final List<Namespace> namespaces;

  GuestDevice(int slot, Driver driver, String options, Namespace... namespaces) {
    this.slot = slot;
    this.driver = driver;
    this.options = options;
    this.namespaces = List.of(namespaces);
  }

  /** The number of the slot on the root bus. */
  public int slot() {
    return slot;
  }

  /** Where the guest's kernel sees it, such as 0000:00:10.0. */
  public String pciAddress() {
    return "0000:00:%02x.0".formatted(slot);
  }

  /** What {@code NvmeDevice.open} takes, such as pci:0000:00:10.0. */
  public String address() {
    return "pci:" + pciAddress();
  }

  public String serial() {
    return "NVMED-" + Integer.toHexString(slot);
  }

  public Driver driver() {
    return driver;
  }

  /** Options of QEMU's controller, separated by commas; empty if there are none. */
  public String options() {
    return options;
  }

  /** The namespaces, from number 1 on. */
  public List<Namespace> namespaces() {
    return namespaces;
  }
}
