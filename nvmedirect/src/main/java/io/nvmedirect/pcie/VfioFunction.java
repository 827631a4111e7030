package io.nvmedirect.pcie;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.queue.PciFunction;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.sysfs.KernelFiles;
import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.PciDevices;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A PCI function that is bound to vfio-pci. Safe for any thread, as hardware is. The kernel resets the
 * function when it is opened and when the process ends, however it ends, before it takes the mapped
 * memory away: behind an IOMMU a device never writes to memory that has another owner. Without one
 * nothing pins the memory, which a killed process loses before its device is stopped.
 */
public final class VfioFunction implements PciFunction {

  private static final System.Logger LOG = SafeLogger.of(VfioFunction.class);

  private static final int RESET_ATTEMPTS = 50;
  private static final long RESET_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(20);

  private final String pciAddress;
  private final VfioGroup group;
  private final NativeFile device;
  private final boolean canReset;
  private final Region configRegion;
  private final PciConfig config;
  private final Region bar;
  private final VfioInterrupts interrupts;
  private boolean closed;

  private VfioFunction(
      String pciAddress,
      VfioGroup group,
      NativeFile device,
      boolean canReset,
      Region configRegion,
      Region bar) {
    this.pciAddress = pciAddress;
    this.group = group;
    this.device = device;
    this.canReset = canReset;
    this.configRegion = configRegion;
    this.config = new PciConfig(space(configRegion));
    this.bar = bar;
    this.interrupts = new VfioInterrupts(new VfioMsix(device));
  }

  /**
   * Opens the function at an address.
   *
   * @throws NvmeException if it is not there, not bound to vfio-pci or in use; the message says what
   *     to do
   */
  public static VfioFunction open(VfioAddress address) throws IOException {
    String pciAddress = address.function();
    VfioFunction made;
    try {
      made = openInGroup(pciAddress, address.iommu());
    } catch (IOException e) {
      throw new NvmeException(
          "cannot open pci:%s: %s".formatted(pciAddress, reason(pciAddress, e)), e);
    }
    if (!address.iommu()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0} works without an IOMMU: it can write to all of the machine''s memory",
          pciAddress);
    }
    return made;
  }

  /** Nothing is open if it fails, or the reason would be that this process has the group. */
  private static VfioFunction openInGroup(String pciAddress, boolean iommu) throws IOException {
    VfioGroup group = VfioGroup.acquire(group(pciAddress), pciAddress, iommu);
    VfioFunction made = null;
    try {
      made = open(pciAddress, group);
      return made;
    } finally {
      if (made == null) {
        group.release(pciAddress);
      }
    }
  }

  /** The IOMMU group of a function that is bound to vfio-pci. */
  private static int group(String pciAddress) throws IOException {
    Path sysfs = Path.of("/sys/bus/pci/devices", pciAddress);
    String group = KernelFiles.linkName(sysfs.resolve("iommu_group"));
    if (group == null
        || !NvmeController.VFIO_DRIVER.equals(KernelFiles.linkName(sysfs.resolve("driver")))) {
      throw new NvmeException("it is not bound to vfio-pci, or not behind an IOMMU");
    }
    return Integer.parseInt(group);
  }

  /** What the machine knows of who else has the device says more than what failed. */
  static String reason(String pciAddress, IOException failure) {
    List<String> openHere = VfioGroup.openBeside(pciAddress);
    String what = String.valueOf(failure.getMessage());
    Throwable cause = failure instanceof NvmeException ? failure.getCause() : failure;
    boolean outOfFiles = cause instanceof LinuxException e && Errno.isOutOfFiles(e.errno());
    if (openHere.contains(pciAddress) || outOfFiles) {
      return what;
    }
    try {
      String refusal = PciDevices.local().refusal(pciAddress);
      if (refusal != null) {
        return refusal;
      }
      // Not in the way, but good to know.
      return openHere.isEmpty()
          ? what
          : "%s; this process has its IOMMU group open already, for %s"
              .formatted(what, String.join(", ", openHere));
    } catch (IOException e) {
      return e.getMessage() + " (nvmed list shows them)";
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // the function owns them
  private static VfioFunction open(String pciAddress, VfioGroup group) throws IOException {
    NativeFile device = group.openDevice(pciAddress);
    Region configRegion = null;
    Region bar = null;
    VfioFunction made = null;
    try {
      boolean canReset = canReset(device, pciAddress);
      configRegion = Region.open(device, Vfio.REGION_CONFIG);
      bar = Region.open(device, Vfio.REGION_BAR0);
      VfioFunction function =
          new VfioFunction(pciAddress, group, device, canReset, configRegion, bar);
      function.config.enable();
      made = function;
      return function;
    } finally {
      if (made == null) {
        if (bar != null) {
          bar.close();
        }
        if (configRegion != null) {
          configRegion.close();
        }
        device.close();
      }
    }
  }

  private static boolean canReset(NativeFile device, String pciAddress) throws IOException {
    try (Arguments info = new Arguments(Vfio.DEVICE_INFO_BYTES, 0)) {
      info.call(device, "VFIO_DEVICE_GET_INFO", Vfio.DEVICE_GET_INFO);
      if ((info.flags() & Vfio.DEVICE_IS_PCI) == 0) {
        throw new NvmeException(pciAddress + " is no PCI device, VFIO says");
      }
      return (info.flags() & Vfio.DEVICE_CAN_RESET) != 0;
    }
  }

  /** By four bytes, in the upper half of which only the status registers have bits, cleared by ones. */
  private static PciConfig.Space space(Region region) {
    return new PciConfig.Space() {
      @Override
      public int read16(int offset) throws IOException {
        int shift = (offset & Short.BYTES) * Byte.SIZE;
        return region.read32(offset & -Integer.BYTES) >>> shift & 0xffff;
      }

      @Override
      public void write16(int offset, int value) throws IOException {
        if (offset % Integer.BYTES != 0) {
          throw new IllegalArgumentException("only lower halves are written: offset=" + offset);
        }
        region.write32(offset, value);
      }
    };
  }

  @Override
  public int read32(int offset) throws IOException {
    return bar.read32(offset);
  }

  /** By halves, the lower one first: not every controller takes eight bytes at once. */
  @Override
  public long read64(int offset) throws IOException {
    long low = Integer.toUnsignedLong(bar.read32(offset));
    return low | (long) bar.read32(offset + Integer.BYTES) << Integer.SIZE;
  }

  @Override
  public void write32(int offset, int value) throws IOException {
    bar.write32(offset, value);
  }

  @Override
  public void write64(int offset, long value) throws IOException {
    bar.write32(offset, (int) value);
    bar.write32(offset + Integer.BYTES, (int) (value >>> Integer.SIZE));
  }

  @Override
  public Doorbell doorbell(int offset) throws IOException {
    Region.Window window = bar.window(offset, Integer.BYTES);
    if (window == null) {
      throw new NvmeException(
          "%s: the doorbell at offset 0x%x of BAR0, which has %d bytes, cannot be mapped"
              .formatted(pciAddress, offset, bar.byteSize()));
    }
    return new MappedDoorbell(window.memory(), offset - window.offset());
  }

  @Override
  public DmaMapper dma() {
    return group.memory();
  }

  @Override
  public int vectors() throws IOException {
    return interrupts.enable();
  }

  @Override
  public InterruptVector vector(int index) throws IOException {
    return interrupts.open(index);
  }

  /** A function-level reset, or what else the kernel knows to do to this function alone. */
  @Override
  public boolean reset() throws IOException {
    if (!canReset) {
      return false;
    }
    for (int attempt = 1; !tryReset(attempt); attempt++) {
      Clock.SYSTEM.parkNanos(this, RESET_PAUSE_NS);
    }
    config.enable();
    interrupts.restore();
    return true;
  }

  /** False if somebody in the kernel has the device's lock just now, for a few attempts. */
  private boolean tryReset(int attempt) throws IOException {
    try {
      device.ioctl("VFIO_DEVICE_RESET " + pciAddress, Vfio.DEVICE_RESET, 0);
      return true;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EAGAIN || attempt == RESET_ATTEMPTS) {
        throw e;
      }
      return false;
    }
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    interrupts.close();
    try {
      config.clearBusMaster();
    } catch (IOException e) {
      // A device that is gone; closing it ends what it may do.
      LOG.log(System.Logger.Level.DEBUG, pciAddress + ": bus master stays on", e);
    }
    bar.close();
    configRegion.close();
    device.close();
    group.release(pciAddress);
  }

  @Override
  public String toString() {
    return "VfioFunction[" + pciAddress + "]";
  }
}
