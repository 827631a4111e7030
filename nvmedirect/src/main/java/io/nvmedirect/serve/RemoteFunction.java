package io.nvmedirect.serve;

import io.nvmedirect.emulator.RemoteController;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.nio.ByteBuffer;

/**
 * A controller as the PCI function of one client: every command of the protocol behind VERSION. Belongs
 * to the server's thread.
 */
final class RemoteFunction implements AutoCloseable {

  private static final int INFO_BYTES = 16;

  private final RemoteController controller;
  private final Msix msix;
  private final Regions regions;
  private final Vectors vectors;
  private final ClientMemory memory;

  RemoteFunction(RemoteController controller, MappingBudget budget, RegionLimit limit) {
    this.controller = controller;
    this.msix = new Msix(controller.vectors());
    this.regions = new Regions(controller, msix);
    this.vectors = new Vectors(msix);
    controller.onInterrupt(msix::interrupt);
    this.memory = new ClientMemory(controller, budget, limit);
  }

  RemoteController controller() {
    return controller;
  }

  Reply answer(Message message) throws BadRequestException, LinuxException {
    return switch (message.command()) {
      case Message.DEVICE_GET_REGION_INFO -> regions.info(message);
      case Message.DMA_MAP -> new Reply(memory.map(message));
      case Message.DMA_UNMAP -> new Reply(memory.unmap(message));
      case Message.DEVICE_GET_INFO -> new Reply(info(message));
      case Message.DEVICE_GET_IRQ_INFO -> new Reply(vectors.info(message));
      case Message.DEVICE_SET_IRQS -> new Reply(vectors.set(message));
      case Message.REGION_READ -> new Reply(regions.read(message));
      case Message.REGION_WRITE -> new Reply(regions.write(message));
      case Message.DEVICE_RESET -> {
        regions.reset();
        yield new Reply(MessageSocket.payload(0));
      }
      default ->
          throw new BadRequestException(
              Errno.EOPNOTSUPP, Message.name(message.command()) + " is not supported");
    };
  }

  /** DEVICE_GET_INFO: argsz, flags, regions and interrupt types. */
  private static ByteBuffer info(Message message) throws BadRequestException {
    ByteBuffer request = message.payload();
    if (request.limit() < INFO_BYTES
        || Integer.compareUnsigned(request.getInt(0), INFO_BYTES) < 0) {
      throw new BadRequestException(
          Errno.EINVAL, "DEVICE_GET_INFO is shorter than %d bytes".formatted(INFO_BYTES));
    }
    return MessageSocket.payload(INFO_BYTES)
        .putInt(0, INFO_BYTES)
        .putInt(4, Message.DEVICE_CAN_RESET | Message.DEVICE_IS_PCI)
        .putInt(8, Regions.COUNT)
        .putInt(12, Vectors.TYPES);
  }

  /** Whether the client has shortened a file that is mapped. */
  boolean isTruncated() {
    return memory.isTruncated();
  }

  /** Whether the client has mapped a file that can get shorter. */
  boolean mayShrink() {
    return memory.mayShrink();
  }

  @Override
  public void close() {
    // The controller first, so that nothing uses the memory and the eventfds any more.
    try {
      controller.close();
    } finally {
      msix.close();
      memory.close();
    }
  }
}
