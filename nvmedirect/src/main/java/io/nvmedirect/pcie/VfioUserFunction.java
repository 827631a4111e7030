package io.nvmedirect.pcie;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.queue.PciFunction;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A PCI function that another process emulates: the client of the vfio-user protocol, version 0.1. Safe
 * for any thread, as hardware is.
 *
 * <p>Memory is shared with the server by descriptors. It belongs to no other owner afterwards, so that
 * a server which is lost can do no harm with it, whatever it still does.
 */
public final class VfioUserFunction implements PciFunction {

  private static final System.Logger LOG = SafeLogger.of(VfioUserFunction.class);

  private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(10);

  private final VfioUserConnection connection;
  private final VfioUserDma dma;
  private final VfioUserRegion configRegion;
  private final PciConfig config;
  private final VfioUserRegion bar;
  private final VfioInterrupts interrupts;
  private final boolean canReset;
  private boolean closed;

  private VfioUserFunction(
      VfioUserConnection connection,
      VfioUserDma dma,
      VfioUserRegion configRegion,
      PciConfig config,
      VfioUserRegion bar,
      VfioInterrupts interrupts,
      boolean canReset) {
    this.connection = connection;
    this.dma = dma;
    this.configRegion = configRegion;
    this.config = config;
    this.bar = bar;
    this.interrupts = interrupts;
    this.canReset = canReset;
  }

  /**
   * Connects to the server at an address.
   *
   * @throws NvmeException if there is none, or it is no controller that can be used
   */
  public static VfioUserFunction open(VfioUserAddress address) throws IOException {
    return open(address, TIMEOUT_NS);
  }

  /**
   * Like the method above.
   *
   * @param timeoutNs how long the server may take to reply; one that takes longer is lost
   */
  static VfioUserFunction open(VfioUserAddress address, long timeoutNs) throws IOException {
    UnixSocket socket = connect(address, timeoutNs);
    VfioUserDma dma = new VfioUserDma();
    LossSignal loss = new LossSignal();
    VfioUserConnection connection =
        VfioUserConnection.open(socket, "vfio-user:" + address.path(), timeoutNs, dma, loss);
    VfioUserFunction made = null;
    try {
      dma.use(connection);
      made = open(connection, dma, loss);
      return made;
    } finally {
      if (made == null) {
        connection.close();
      }
    }
  }

  private static UnixSocket connect(VfioUserAddress address, long timeoutNs) throws NvmeException {
    Path path = address.socket();
    try {
      return UnixSocket.connect(path, timeoutNs);
    } catch (LinuxException e) {
      throw new NvmeException(
          "cannot open %s: %s"
              .formatted(
                  address,
                  switch (e.errno()) {
                    case Errno.ENOENT -> "there is no socket " + path;
                    case Errno.ECONNREFUSED -> "no server listens at " + path;
                    case Errno.EACCES -> "this user may not write to " + path;
                    case Errno.EAGAIN ->
                        "the server at %s has accepted no client for %d ms, and others wait as well"
                            .formatted(path, TimeUnit.NANOSECONDS.toMillis(timeoutNs));
                    default -> String.valueOf(e.getMessage());
                  }),
          e);
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // the function owns them
  private static VfioUserFunction open(
      VfioUserConnection connection, VfioUserDma dma, LossSignal loss) throws IOException {
    VfioUserRegion configRegion = null;
    VfioUserRegion bar = null;
    VfioUserFunction made = null;
    try (Message info = connection.request(VfioUserRequest.deviceInfo())) {
      ByteBuffer device = info.payload();
      int flags = device.getInt(4);
      if ((flags & Message.DEVICE_IS_PCI) == 0 || device.getInt(8) <= Message.REGION_CONFIG) {
        throw connection.violated(
            "the server has no PCI device (flags 0x%x, %d regions)"
                .formatted(flags, Integer.toUnsignedLong(device.getInt(8))));
      }
      bar = VfioUserRegion.open(connection, Message.REGION_BAR0);
      configRegion = VfioUserRegion.open(connection, Message.REGION_CONFIG);
      PciConfig config = new PciConfig(space(configRegion));
      VfioInterrupts interrupts =
          new VfioInterrupts(new VfioUserMsix(connection, config, device.getInt(12)));
      VfioUserFunction function =
          new VfioUserFunction(
              connection,
              dma,
              configRegion,
              config,
              bar,
              interrupts,
              (flags & Message.DEVICE_CAN_RESET) != 0);
      config.enable();
      loss.wakes(interrupts);
      made = function;
      return function;
    } finally {
      if (made == null) {
        close(configRegion);
        close(bar);
      }
    }
  }

  private static void close(@Nullable VfioUserRegion region) {
    if (region != null) {
      region.close();
    }
  }

  private static PciConfig.Space space(VfioUserRegion region) {
    return new PciConfig.Space() {
      @Override
      public int read16(int offset) throws IOException {
        return (int) region.read(offset, Short.BYTES);
      }

      @Override
      public void write16(int offset, int value) throws IOException {
        region.write(offset, Short.BYTES, value);
      }
    };
  }

  @Override
  public int read32(int offset) throws IOException {
    return bar.read32(offset);
  }

  @Override
  public long read64(int offset) throws IOException {
    return bar.read64(offset);
  }

  @Override
  public void write32(int offset, int value) throws IOException {
    bar.write32(offset, value);
  }

  @Override
  public void write64(int offset, long value) throws IOException {
    bar.write64(offset, value);
  }

  @Override
  public Doorbell doorbell(int offset) throws IOException {
    Region.Window window = bar.window(offset, Integer.BYTES);
    return window == null
        ? announcedDoorbell(offset)
        : new MappedDoorbell(window.memory(), offset - window.offset());
  }

  /**
   * Always a message, also where the register is mapped, for that is what a server is woken by. It goes
   * without a reply, so that ringing costs no round trip; a refusal ends the connection.
   */
  @Override
  public Doorbell announcedDoorbell(int offset) throws IOException {
    if (offset < 0 || offset > bar.byteSize() - Integer.BYTES) {
      throw new NvmeException(
          "%s: BAR0 has %d bytes, and no doorbell at offset 0x%x"
              .formatted(connection, bar.byteSize(), offset));
    }
    return value -> bar.tell(offset, value);
  }

  @Override
  public DmaMapper dma() {
    return dma;
  }

  @Override
  public int vectors() throws IOException {
    return interrupts.enable();
  }

  @Override
  public InterruptVector vector(int index) throws IOException {
    return interrupts.open(index);
  }

  @Override
  public boolean reset() throws IOException {
    if (!canReset || connection.isLost()) {
      return false;
    }
    connection.order(VfioUserRequest.deviceReset());
    config.enable();
    interrupts.restore();
    return true;
  }

  @Override
  public boolean isLost() {
    return connection.isLost();
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    interrupts.close();
    try {
      if (!connection.isLost()) {
        config.clearBusMaster();
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "bus master stays on", e);
    }
    dma.close();
    connection.close();
    bar.close();
    configRegion.close();
  }

  @Override
  public String toString() {
    return "VfioUserFunction[" + connection + "]";
  }

  /** Wakes who waits for interrupts of a function when its server is lost. */
  private static final class LossSignal implements Runnable {

    private boolean lost;
    private @Nullable VfioInterrupts interrupts;

    synchronized void wakes(VfioInterrupts waiting) {
      interrupts = waiting;
      if (lost) {
        waiting.signalAll();
      }
    }

    @Override
    public void run() {
      VfioInterrupts waiting;
      synchronized (this) {
        lost = true;
        waiting = interrupts;
      }
      if (waiting != null) {
        waiting.signalAll();
      }
    }
  }
}
