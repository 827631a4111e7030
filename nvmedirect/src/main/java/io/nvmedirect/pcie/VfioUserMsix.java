package io.nvmedirect.pcie;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** The MSI-X vectors of a function that a vfio-user server has. Belongs to its {@link VfioInterrupts}. */
final class VfioUserMsix implements Msix {

  private static final System.Logger LOG = SafeLogger.of(VfioUserMsix.class);

  private final VfioUserConnection connection;
  private final PciConfig config;
  private final int types;

  /** As many descriptors as one message passes. */
  private final int mostFds;

  /** All vectors have to be given by one message. */
  private boolean atOnce;

  /**
   * @param types of interrupts that the device has
   */
  VfioUserMsix(VfioUserConnection connection, PciConfig config, int types) {
    this.connection = connection;
    this.config = config;
    this.types = types;
    this.mostFds = Math.min(connection.server().mostFds(), UnixSocket.MAX_FDS);
  }

  @Override
  public int available() throws IOException {
    if (types <= Message.IRQ_MSIX || mostFds == 0) {
      return 0;
    }
    try (Message reply = connection.request(VfioUserRequest.irqInfo(Message.IRQ_MSIX))) {
      ByteBuffer info = reply.payload();
      int flags = info.getInt(4);
      if (info.getInt(8) != Message.IRQ_MSIX || info.getInt(12) < 0) {
        throw connection.violated(
            "the server says of interrupts %d that they are interrupts %d, and %s of them"
                .formatted(
                    Message.IRQ_MSIX, info.getInt(8), Integer.toUnsignedString(info.getInt(12))));
      }
      atOnce = (flags & Message.IRQ_NORESIZE) != 0;
      return (flags & Message.IRQ_EVENTFD) == 0 ? 0 : info.getInt(12);
    }
  }

  @Override
  public int enable(List<EventFd> events) throws IOException {
    if (atOnce && events.size() > mostFds) {
      return mostFds;
    }
    for (int start = 0; start < events.size(); start += mostFds) {
      List<EventFd> some = events.subList(start, Math.min(start + mostFds, events.size()));
      VfioUserRequest request = VfioUserRequest.irqEvents(Message.IRQ_MSIX, start, some);
      try (Message reply = connection.exchange(request)) {
        if (reply.isError()) {
          LOG.log(
              System.Logger.Level.DEBUG, connection.refused(request, reply.error()).getMessage());
          disable();
          return -1;
        }
      }
    }
    // A server may give vectors their eventfds and send nothing before this, as hardware does.
    if (!config.enableMsix(true)) {
      LOG.log(System.Logger.Level.DEBUG, "{0} has no MSI-X capability", connection);
    }
    return 0;
  }

  @Override
  public int restore(List<EventFd> events) throws IOException {
    return enable(events);
  }

  @Override
  public void disable() {
    try {
      if (!connection.isLost()) {
        config.enableMsix(false);
        connection.order(VfioUserRequest.irqsOff(Message.IRQ_MSIX));
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "interrupts stay on", e);
    }
  }
}
