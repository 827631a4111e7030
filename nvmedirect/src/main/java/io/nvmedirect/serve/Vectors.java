package io.nvmedirect.serve;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The interrupts of a function, by the numbers of linux/vfio.h: DEVICE_GET_IRQ_INFO and DEVICE_SET_IRQS.
 * Only MSI-X has any; they are masked by these messages or in the table. Belongs to the server's thread.
 */
final class Vectors {

  /** INTx, MSI, MSI-X, errors, and requests to release the device. */
  static final int TYPES = 5;

  private static final int INFO_BYTES = 16;
  private static final int DATA_MASK =
      Message.IRQ_DATA_NONE | Message.IRQ_DATA_BOOL | Message.IRQ_DATA_EVENTFD;
  private static final int ACTION_MASK =
      Message.IRQ_ACTION_MASK | Message.IRQ_ACTION_UNMASK | Message.IRQ_ACTION_TRIGGER;

  private final Msix msix;

  Vectors(Msix msix) {
    this.msix = msix;
  }

  /** DEVICE_GET_IRQ_INFO: argsz, flags, index and count. */
  ByteBuffer info(Message message) throws BadRequestException {
    ByteBuffer request = message.payload();
    if (request.limit() < INFO_BYTES
        || Integer.compareUnsigned(request.getInt(0), INFO_BYTES) < 0) {
      throw invalid("DEVICE_GET_IRQ_INFO is shorter than %d bytes".formatted(INFO_BYTES));
    }
    int type = type(request);
    int count = count(type);
    return MessageSocket.payload(INFO_BYTES)
        .putInt(0, INFO_BYTES)
        .putInt(4, count > 0 ? Message.IRQ_EVENTFD | Message.IRQ_MASKABLE : 0)
        .putInt(8, type)
        .putInt(12, count);
  }

  private static int type(ByteBuffer request) throws BadRequestException {
    int type = request.getInt(8);
    if (type < 0 || type >= TYPES) {
      throw invalid("interrupt types are 0 to %d: index=%d".formatted(TYPES - 1, type));
    }
    return type;
  }

  private int count(int type) {
    return type == Message.IRQ_MSIX ? msix.vectors() : 0;
  }

  /** DEVICE_SET_IRQS: argsz, flags, index, start, count and data; the reply is empty. */
  ByteBuffer set(Message message) throws BadRequestException, LinuxException {
    ByteBuffer request = message.payload();
    if (request.limit() < Message.IRQ_SET_BYTES
        || Integer.compareUnsigned(request.getInt(0), Message.IRQ_SET_BYTES) < 0) {
      throw invalid("DEVICE_SET_IRQS is shorter than %d bytes".formatted(Message.IRQ_SET_BYTES));
    }
    int flags = request.getInt(4);
    int data = flags & DATA_MASK;
    int action = flags & ACTION_MASK;
    if (flags != (data | action) || Integer.bitCount(data) != 1 || Integer.bitCount(action) != 1) {
      throw invalid("flags of DEVICE_SET_IRQS are one of data and one of action: flags=" + flags);
    }
    if (message.fdCount() > 0 && data != Message.IRQ_DATA_EVENTFD) {
      throw invalid("only data of eventfds has descriptors: flags=" + flags);
    }
    apply(message, request, data, action);
    return MessageSocket.payload(0);
  }

  private void apply(Message message, ByteBuffer request, int data, int action)
      throws BadRequestException, LinuxException {
    int type = type(request);
    int start = request.getInt(12);
    int count = request.getInt(16);
    boolean trigger = action == Message.IRQ_ACTION_TRIGGER;
    if (data == Message.IRQ_DATA_NONE && trigger && start == 0 && count == 0) {
      for (int vector = 0; vector < count(type); vector++) {
        msix.assign(vector, null);
      }
      return;
    }
    if (start < 0 || count <= 0 || start > count(type) - count) {
      throw invalid(
          "interrupts of type %d are 0 to %d: start=%d, count=%d"
              .formatted(type, count(type) - 1, start, count));
    }
    if (data == Message.IRQ_DATA_EVENTFD) {
      if (!trigger) {
        throw new BadRequestException(Errno.ENOTTY, "MSI-X is not masked by eventfds");
      }
      assign(message, start, count);
      return;
    }
    if (data == Message.IRQ_DATA_BOOL && request.limit() < Message.IRQ_SET_BYTES + count) {
      throw invalid("%d interrupts have as many bytes of data".formatted(count));
    }
    for (int i = 0; i < count; i++) {
      if (data == Message.IRQ_DATA_NONE || request.get(Message.IRQ_SET_BYTES + i) != 0) {
        apply(start + i, action);
      }
    }
  }

  private void apply(int vector, int action) {
    if (action == Message.IRQ_ACTION_TRIGGER) {
      msix.fire(vector);
    } else {
      msix.mask(vector, action == Message.IRQ_ACTION_MASK);
    }
  }

  /** Takes all eventfds or none. */
  private void assign(Message message, int start, int count)
      throws BadRequestException, LinuxException {
    int given = message.fdCount();
    if (given != 0 && given != count) {
      throw invalid("%d interrupts have as many eventfds, or none: %d".formatted(count, given));
    }
    @Nullable EventFd[] taken = new @Nullable EventFd[count];
    try {
      for (int i = 0; i < given; i++) {
        taken[i] = message.takeEventFd(i);
      }
    } catch (LinuxException e) {
      for (EventFd event : taken) {
        if (event != null) {
          event.close();
        }
      }
      throw e;
    }
    for (int i = 0; i < count; i++) {
      msix.assign(start + i, taken[i]);
    }
  }

  private static BadRequestException invalid(String message) {
    return new BadRequestException(Errno.EINVAL, message);
  }
}
