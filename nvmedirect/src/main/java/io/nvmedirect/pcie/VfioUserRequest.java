package io.nvmedirect.pcie;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.vfiouser.Capabilities;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A command to a vfio-user server: its payload and descriptors, and what a reply to it has. */
final class VfioUserRequest {

  private static final int[] NO_FDS = {};
  private static final int DEVICE_INFO_BYTES = 16;
  private static final int IRQ_INFO_BYTES = 16;
  private static final int ANY_BYTES = Integer.MAX_VALUE;

  private final int command;
  private final ByteBuffer payload;
  private final int[] fds;
  private final int leastReplyBytes;
  private final int mostReplyBytes;
  private final int mostReplyFds;

  private VfioUserRequest(
      int command,
      ByteBuffer payload,
      int[] fds,
      int leastReplyBytes,
      int mostReplyBytes,
      int mostReplyFds) {
    this.command = command;
    this.payload = payload;
    this.fds = fds;
    this.leastReplyBytes = leastReplyBytes;
    this.mostReplyBytes = mostReplyBytes;
    this.mostReplyFds = mostReplyFds;
  }

  private static VfioUserRequest info(int command, ByteBuffer payload, int least, int mostFds) {
    return new VfioUserRequest(command, payload, NO_FDS, least, ANY_BYTES, mostFds);
  }

  /** A command whose reply says nothing; some servers send the payload back. */
  private static VfioUserRequest order(int command, ByteBuffer payload, int... fds) {
    return new VfioUserRequest(command, payload, fds, 0, payload.capacity(), 0);
  }

  static VfioUserRequest version(Capabilities capabilities) {
    return info(
        Message.VERSION, capabilities.encode(), 2 * Short.BYTES, VfioUserConnection.MOST_FDS);
  }

  /** The reply: argsz, flags, number of regions, number of interrupt types. */
  static VfioUserRequest deviceInfo() {
    ByteBuffer payload = MessageSocket.payload(DEVICE_INFO_BYTES).putInt(0, DEVICE_INFO_BYTES);
    return info(Message.DEVICE_GET_INFO, payload, DEVICE_INFO_BYTES, 0);
  }

  /** The reply: argsz, flags, index, offset of the capabilities, size and offset of 64 bits. */
  static VfioUserRequest regionInfo(int region, int mostBytes) {
    ByteBuffer payload =
        MessageSocket.payload(Message.REGION_INFO_BYTES).putInt(0, mostBytes).putInt(8, region);
    return info(Message.DEVICE_GET_REGION_INFO, payload, Message.REGION_INFO_BYTES, 1);
  }

  /** The reply: argsz, flags, index, count. */
  static VfioUserRequest irqInfo(int index) {
    ByteBuffer payload =
        MessageSocket.payload(IRQ_INFO_BYTES).putInt(0, IRQ_INFO_BYTES).putInt(8, index);
    return info(Message.DEVICE_GET_IRQ_INFO, payload, IRQ_INFO_BYTES, 0);
  }

  /** Gives interrupts from {@code start} on an eventfd each. */
  static VfioUserRequest irqEvents(int index, int start, List<EventFd> events) {
    return order(
        Message.DEVICE_SET_IRQS,
        irqSet(Message.IRQ_DATA_EVENTFD | Message.IRQ_ACTION_TRIGGER, index, start, events.size()),
        events.stream().mapToInt(EventFd::fd).toArray());
  }

  /** Disables all interrupts of a type. */
  static VfioUserRequest irqsOff(int index) {
    return order(
        Message.DEVICE_SET_IRQS,
        irqSet(Message.IRQ_DATA_NONE | Message.IRQ_ACTION_TRIGGER, index, 0, 0));
  }

  private static ByteBuffer irqSet(int flags, int index, int start, int count) {
    return MessageSocket.payload(Message.IRQ_SET_BYTES)
        .putInt(0, Message.IRQ_SET_BYTES)
        .putInt(4, flags)
        .putInt(8, index)
        .putInt(12, start)
        .putInt(16, count);
  }

  /** The reply: the same 16 bytes, and the data. */
  static VfioUserRequest read(int region, long offset, int count) {
    int bytes = Message.ACCESS_BYTES + count;
    return new VfioUserRequest(
        Message.REGION_READ,
        access(Message.ACCESS_BYTES, region, offset, count),
        NO_FDS,
        bytes,
        bytes,
        0);
  }

  /** Writes the low bytes of a number. */
  static VfioUserRequest write(int region, long offset, int count, long value) {
    ByteBuffer payload = access(Message.ACCESS_BYTES + count, region, offset, count);
    for (int i = 0; i < count; i++) {
      payload.put(Message.ACCESS_BYTES + i, (byte) (value >>> (i * Byte.SIZE)));
    }
    return new VfioUserRequest(Message.REGION_WRITE, payload, NO_FDS, 0, Message.ACCESS_BYTES, 0);
  }

  private static ByteBuffer access(int bytes, int region, long offset, int count) {
    return MessageSocket.payload(bytes).putLong(0, offset).putInt(8, region).putInt(12, count);
  }

  /** Lets the device read and write all of a file. */
  static VfioUserRequest dmaMap(long iova, long lengthBytes, int fd) {
    return order(
        Message.DMA_MAP,
        MessageSocket.payload(Message.DMA_MAP_BYTES)
            .putInt(0, Message.DMA_MAP_BYTES)
            .putInt(4, Message.DMA_CAN_READ | Message.DMA_CAN_WRITE)
            .putLong(16, iova)
            .putLong(24, lengthBytes),
        fd);
  }

  static VfioUserRequest dmaUnmap(long iova, long lengthBytes) {
    return order(
        Message.DMA_UNMAP,
        MessageSocket.payload(Message.DMA_UNMAP_BYTES)
            .putInt(0, Message.DMA_UNMAP_BYTES)
            .putLong(8, iova)
            .putLong(16, lengthBytes));
  }

  static VfioUserRequest deviceReset() {
    return order(Message.DEVICE_RESET, MessageSocket.payload(0));
  }

  int command() {
    return command;
  }

  ByteBuffer payload() {
    return payload;
  }

  int[] fds() {
    return fds;
  }

  /** What is wrong with a reply; null if nothing is. */
  @Nullable String complaint(Message reply) {
    int bytes = reply.payload().limit();
    if (reply.command() != command) {
      return "it is of another command";
    }
    int mostFds = reply.isError() ? 0 : mostReplyFds;
    if (reply.fdCount() > mostFds) {
      return "it may have at most %d descriptors".formatted(mostFds);
    }
    if (!reply.isError() && (bytes < leastReplyBytes || bytes > mostReplyBytes)) {
      return "its payload must have %d%s bytes"
          .formatted(leastReplyBytes, mostReplyBytes == leastReplyBytes ? "" : " or more");
    }
    boolean access = command == Message.REGION_READ && !reply.isError();
    return access && reply.payload().getInt(12) != payload.getInt(12)
        ? "it is about %d bytes".formatted(Integer.toUnsignedLong(reply.payload().getInt(12)))
        : null;
  }

  /** What is asked for, with its values. */
  @Override
  public String toString() {
    String name = Message.name(command);
    return switch (command) {
      case Message.REGION_READ, Message.REGION_WRITE ->
          "%s of %d bytes at offset 0x%x of region %d"
              .formatted(name, payload.getInt(12), payload.getLong(0), payload.getInt(8));
      case Message.DMA_MAP ->
          "%s of %d bytes at 0x%x".formatted(name, payload.getLong(24), payload.getLong(16));
      case Message.DMA_UNMAP ->
          "%s of %d bytes at 0x%x".formatted(name, payload.getLong(16), payload.getLong(8));
      case Message.DEVICE_GET_REGION_INFO -> "%s of region %d".formatted(name, payload.getInt(8));
      case Message.DEVICE_GET_IRQ_INFO -> "%s of index %d".formatted(name, payload.getInt(8));
      case Message.DEVICE_SET_IRQS ->
          "%s of index %d, %d from %d on"
              .formatted(name, payload.getInt(8), payload.getInt(16), payload.getInt(12));
      default -> name;
    };
  }
}
