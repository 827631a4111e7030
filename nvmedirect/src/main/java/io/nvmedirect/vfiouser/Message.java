package io.nvmedirect.vfiouser;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * A message that was received: the fields of its header, what follows it, and the descriptors that came
 * with it. Whoever takes a descriptor closes it; {@link #close} closes the others.
 *
 * <pre>
 * offset  0        2         4               8        12
 *         | id 16  | cmd 16  | bytes in all  | flags  | errno |
 * flags: type in 3:0 (0 command, 1 reply), 4 no reply wanted, 5 error
 * </pre>
 *
 * <p>Layouts and numbers: the vfio-user protocol specification, version 0.1, and linux/vfio.h.
 */
public final class Message implements AutoCloseable {

  /** Bytes of the header. */
  public static final int HEADER_BYTES = 16;

  // Commands.
  public static final int VERSION = 1;
  public static final int DMA_MAP = 2;
  public static final int DMA_UNMAP = 3;
  public static final int DEVICE_GET_INFO = 4;
  public static final int DEVICE_GET_REGION_INFO = 5;
  public static final int DEVICE_GET_REGION_IO_FDS = 6;
  public static final int DEVICE_GET_IRQ_INFO = 7;
  public static final int DEVICE_SET_IRQS = 8;
  public static final int REGION_READ = 9;
  public static final int REGION_WRITE = 10;
  public static final int DMA_READ = 11;
  public static final int DMA_WRITE = 12;
  public static final int DEVICE_RESET = 13;

  // Flags.
  public static final int TYPE_MASK = 0xF;
  public static final int REPLY = 1;
  public static final int NO_REPLY = 1 << 4;
  public static final int ERROR = 1 << 5;

  // DEVICE_GET_INFO.
  public static final int DEVICE_CAN_RESET = 1;
  public static final int DEVICE_IS_PCI = 1 << 1;

  // DEVICE_GET_REGION_INFO.
  public static final int REGION_INFO_BYTES = 32;
  public static final int REGION_CAN_READ = 1;
  public static final int REGION_CAN_WRITE = 1 << 1;
  public static final int REGION_CAN_MMAP = 1 << 2;
  public static final int REGION_HAS_CAPS = 1 << 3;
  public static final int CAP_SPARSE_MMAP = 1;

  // Regions and interrupts of a PCI device.
  public static final int REGION_BAR0 = 0;
  public static final int REGION_CONFIG = 7;
  public static final int IRQ_MSIX = 2;

  // DEVICE_GET_IRQ_INFO.
  public static final int IRQ_EVENTFD = 1;
  public static final int IRQ_MASKABLE = 1 << 1;
  public static final int IRQ_NORESIZE = 1 << 3;

  // DEVICE_SET_IRQS.
  public static final int IRQ_SET_BYTES = 20;
  public static final int IRQ_DATA_NONE = 1;
  public static final int IRQ_DATA_BOOL = 1 << 1;
  public static final int IRQ_DATA_EVENTFD = 1 << 2;
  public static final int IRQ_ACTION_MASK = 1 << 3;
  public static final int IRQ_ACTION_UNMASK = 1 << 4;
  public static final int IRQ_ACTION_TRIGGER = 1 << 5;

  // DMA_MAP.
  public static final int DMA_MAP_BYTES = 32;
  public static final int DMA_UNMAP_BYTES = 24;
  public static final int DMA_CAN_READ = 1;
  public static final int DMA_CAN_WRITE = 1 << 1;

  // REGION_READ and the like: offset, region and count; DMA_READ and the like: address and count.
  public static final int ACCESS_BYTES = 16;

  private final int id;
  private final int command;
  private final int flags;
  private final int error;
  private final ByteBuffer payload;
  private final int[] fds;

  Message(int id, int command, int flags, int error, ByteBuffer payload, int[] fds) {
    this.id = id;
    this.command = command;
    this.flags = flags;
    this.error = error;
    this.payload = payload;
    this.fds = fds;
  }

  /** 0 to 65535; a reply has that of its command. */
  public int id() {
    return id;
  }

  public int command() {
    return command;
  }

  public boolean isCommand() {
    return (flags & TYPE_MASK) == 0;
  }

  public boolean isReply() {
    return (flags & TYPE_MASK) == REPLY;
  }

  public boolean wantsReply() {
    return (flags & NO_REPLY) == 0;
  }

  /** Whether it is a reply that says the command has failed. */
  public boolean isError() {
    return (flags & ERROR) != 0;
  }

  /** The error number of a failed command; 0 if the sender gave none. */
  public int error() {
    return error;
  }

  /** What follows the header, little-endian, from position 0 to the limit. */
  public ByteBuffer payload() {
    return payload;
  }

  /** Descriptors that came with the message. */
  public int fdCount() {
    return fds.length;
  }

  /**
   * Takes a descriptor.
   *
   * @param name for messages
   */
  public NativeFile takeFile(int index, String name) {
    return NativeFile.adopt(Path.of(name), take(index));
  }

  /** Takes a descriptor that is a socket. */
  public UnixSocket takeSocket(int index, String name) {
    return UnixSocket.adopt(name, take(index));
  }

  /** Takes a descriptor that is an eventfd. */
  public EventFd takeEventFd(int index) throws LinuxException {
    return EventFd.adopt(take(index));
  }

  private int take(int index) {
    int fd = fds[index];
    if (fd < 0) {
      throw new IllegalStateException("the descriptor was taken: index=" + index);
    }
    fds[index] = -1;
    return fd;
  }

  @Override
  public void close() {
    for (int i = 0; i < fds.length; i++) {
      if (fds[i] >= 0) {
        takeFile(i, "unused").close();
      }
    }
  }

  @Override
  public String toString() {
    return "%s %s (id %d, %d bytes, %d descriptors%s)"
        .formatted(
            name(command),
            isReply() ? "reply" : "command",
            id,
            payload.limit(),
            fds.length,
            isError() ? ", errno " + error : "");
  }

  /** The name of a command, for messages. */
  public static String name(int command) {
    return switch (command) {
      case VERSION -> "VERSION";
      case DMA_MAP -> "DMA_MAP";
      case DMA_UNMAP -> "DMA_UNMAP";
      case DEVICE_GET_INFO -> "DEVICE_GET_INFO";
      case DEVICE_GET_REGION_INFO -> "DEVICE_GET_REGION_INFO";
      case DEVICE_GET_REGION_IO_FDS -> "DEVICE_GET_REGION_IO_FDS";
      case DEVICE_GET_IRQ_INFO -> "DEVICE_GET_IRQ_INFO";
      case DEVICE_SET_IRQS -> "DEVICE_SET_IRQS";
      case REGION_READ -> "REGION_READ";
      case REGION_WRITE -> "REGION_WRITE";
      case DMA_READ -> "DMA_READ";
      case DMA_WRITE -> "DMA_WRITE";
      case DEVICE_RESET -> "DEVICE_RESET";
      default -> "command " + command;
    };
  }
}
