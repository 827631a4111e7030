package io.nvmedirect.serve;

import io.nvmedirect.emulator.RemoteController;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.nio.ByteBuffer;

/**
 * The regions of a function, by the numbers of linux/vfio.h: BAR0 with the controller's registers and
 * doorbells, BAR4 with the MSI-X table, BAR5 with its pending bits, and configuration space.
 *
 * <p>Who gets the interrupts is said by DEVICE_SET_IRQS: addresses and data in the table are kept, and that
 * is all. What the command register and the power state forbid does not happen; only a store to the mapped
 * doorbells cannot be told from one that was allowed. Belongs to the server's thread.
 */
final class Regions {

  /** Six BARs, the expansion ROM, configuration space and VGA. */
  static final int COUNT = 9;

  private static final int BAR4 = 4;
  private static final int BAR5 = 5;

  // struct vfio_region_info_cap_sparse_mmap with one area.
  private static final int SPARSE_BYTES = 32;

  private final RemoteController controller;
  private final ConfigSpace config;
  private final Msix msix;

  Regions(RemoteController controller, Msix msix) {
    this.controller = controller;
    this.msix = msix;
    this.config = new ConfigSpace(controller.vectors());
    configure();
  }

  /** Has the function do what its configuration space says. */
  private void configure() {
    controller.busMaster(config.isBusMaster());
    msix.configure(config.hasInterrupts(), config.masksInterrupts());
  }

  /** Resets the function and the controller. */
  void reset() {
    controller.reset();
    config.reset();
    msix.reset();
    configure();
  }

  private static int sizeBytes(int region) {
    return switch (region) {
      case Message.REGION_BAR0 -> RemoteController.BAR_BYTES;
      case BAR4 -> ConfigSpace.TABLE_BYTES;
      case BAR5 -> ConfigSpace.PENDING_BYTES;
      case Message.REGION_CONFIG -> ConfigSpace.BYTES;
      default -> 0;
    };
  }

  /**
   * DEVICE_GET_REGION_INFO: argsz, flags, index, cap_offset, size and offset, and capabilities behind
   * them. That the doorbells can be mapped is said only to who has room for all of it.
   */
  Reply info(Message message) throws BadRequestException {
    ByteBuffer request = message.payload();
    if (request.limit() < Message.REGION_INFO_BYTES
        || Integer.compareUnsigned(request.getInt(0), Message.REGION_INFO_BYTES) < 0) {
      throw invalid(
          "DEVICE_GET_REGION_INFO is shorter than %d bytes".formatted(Message.REGION_INFO_BYTES));
    }
    int region = request.getInt(8);
    if (region < 0 || region >= COUNT) {
      throw invalid("regions are 0 to %d: index=%d".formatted(COUNT - 1, region));
    }
    int needed = Message.REGION_INFO_BYTES + (region == Message.REGION_BAR0 ? SPARSE_BYTES : 0);
    boolean all = Integer.compareUnsigned(request.getInt(0), needed) >= 0;
    boolean mappable = region == Message.REGION_BAR0 && all;
    ByteBuffer info =
        MessageSocket.payload(all ? needed : Message.REGION_INFO_BYTES)
            .putInt(0, needed)
            .putInt(4, flags(region, mappable))
            .putInt(8, region)
            .putInt(12, mappable ? Message.REGION_INFO_BYTES : 0)
            .putLong(16, sizeBytes(region));
    if (!mappable) {
      return new Reply(info);
    }
    sparse(info.slice(Message.REGION_INFO_BYTES, SPARSE_BYTES).order(info.order()));
    return new Reply(info, controller.doorbells().fd());
  }

  /** Without room for them there are no capabilities: QEMU takes a flag without an offset for an error. */
  private static int flags(int region, boolean mappable) {
    if (sizeBytes(region) == 0) {
      return 0;
    }
    int flags = Message.REGION_CAN_READ | Message.REGION_CAN_WRITE;
    return mappable ? flags | Message.REGION_CAN_MMAP | Message.REGION_HAS_CAPS : flags;
  }

  /** One area, the page of doorbells. */
  private static void sparse(ByteBuffer capability) {
    capability
        .putShort(0, (short) Message.CAP_SPARSE_MMAP)
        .putShort(2, (short) 1)
        .putInt(8, 1)
        .putLong(16, RemoteController.DOORBELLS)
        .putLong(24, RemoteController.BAR_BYTES - RemoteController.DOORBELLS);
  }

  /** REGION_READ: offset, region and count; the reply has the data behind them. */
  ByteBuffer read(Message message) throws BadRequestException {
    ByteBuffer request = message.payload();
    int count = checkAccess(request);
    ByteBuffer reply = MessageSocket.payload(Message.ACCESS_BYTES + count);
    reply.put(0, request, 0, Message.ACCESS_BYTES);
    ByteBuffer data = reply.slice(Message.ACCESS_BYTES, count).order(reply.order());
    int offset = (int) request.getLong(0);
    int region = request.getInt(8);
    if (region != Message.REGION_CONFIG && !config.hasMemorySpace()) {
      while (data.hasRemaining()) {
        data.put((byte) 0xff); // as nobody answers
      }
      return reply;
    }
    switch (region) {
      case Message.REGION_BAR0 -> controller.readBar(offset, data);
      case BAR4 -> msix.readTable(offset, data);
      case Message.REGION_CONFIG -> config.read(offset, data);
      default -> msix.readPending(offset, data);
    }
    return reply;
  }

  /** REGION_WRITE: offset, region, count and data; the reply has the first three. */
  ByteBuffer write(Message message) throws BadRequestException {
    ByteBuffer request = message.payload();
    int count = checkAccess(request);
    if (request.limit() != Message.ACCESS_BYTES + count) {
      throw invalid(
          "REGION_WRITE of %d bytes has %d"
              .formatted(count, request.limit() - Message.ACCESS_BYTES));
    }
    ByteBuffer data = request.slice(Message.ACCESS_BYTES, count).order(request.order());
    int offset = (int) request.getLong(0);
    int region = request.getInt(8);
    if (region == Message.REGION_CONFIG) {
      writeConfig(offset, data);
    } else if (config.hasMemorySpace()) {
      switch (region) {
        case Message.REGION_BAR0 -> controller.writeBar(offset, data);
        case BAR4 -> msix.writeTable(offset, data);
        default -> {} // pending bits are read-only
      }
    }
    return MessageSocket.payload(Message.ACCESS_BYTES).put(0, request, 0, Message.ACCESS_BYTES);
  }

  private void writeConfig(int offset, ByteBuffer from) {
    if (config.write(offset, from)) {
      reset();
    } else {
      configure();
    }
  }

  /** The count of bytes of an access that is within its region. */
  private static int checkAccess(ByteBuffer request) throws BadRequestException {
    if (request.limit() < Message.ACCESS_BYTES) {
      throw invalid("an access is shorter than %d bytes".formatted(Message.ACCESS_BYTES));
    }
    long offset = request.getLong(0);
    int region = request.getInt(8);
    int count = request.getInt(12);
    if (count <= 0 || offset < 0 || offset > sizeBytes(region) - (long) count) {
      throw invalid(
          "an access is not within region %d of %d bytes: offset=0x%x, count=0x%x"
              .formatted(region, sizeBytes(region), offset, count));
    }
    return count;
  }

  private static BadRequestException invalid(String message) {
    return new BadRequestException(Errno.EINVAL, message);
  }
}
