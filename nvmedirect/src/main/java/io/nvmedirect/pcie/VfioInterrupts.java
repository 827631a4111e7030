package io.nvmedirect.pcie;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.queue.InterruptVector;
import java.io.IOException;

/**
 * The MSI-X vectors of a function, each with an eventfd that the kernel signals. They are enabled all
 * at once, when the first queue wants one: kernels before 6.5 cannot add any later. The object's lock
 * owns them.
 */
final class VfioInterrupts implements AutoCloseable {

  /** More than the admin queue and every I/O queue can use. */
  private static final int MOST = 65;

  private final NativeFile device;
  private EventFd[] vectors = {};
  private boolean enabled;
  private boolean closed;

  VfioInterrupts(NativeFile device) {
    this.device = device;
  }

  /** Enables the vectors if that has not happened, and counts them; 0 if there are none. */
  synchronized int enable() throws IOException {
    if (!enabled && !closed) {
      int count = Math.min(MOST, available());
      while (count > 0) {
        int result = enable(count);
        if (result == 0) {
          break;
        }
        // A positive number says how many vectors the host has left.
        count = result > 0 && result < count ? result : count / 2;
      }
      enabled = true;
    }
    return vectors.length;
  }

  private int available() throws LinuxException {
    try (Arguments info = new Arguments(Vfio.IRQ_INFO_BYTES, 0)) {
      info.set(8, Vfio.IRQ_INDEX_MSIX);
      info.call(device, "VFIO_DEVICE_GET_IRQ_INFO", Vfio.DEVICE_GET_IRQ_INFO);
      return info.getInt(12);
    }
  }

  private int enable(int count) throws LinuxException {
    EventFd[] made = new EventFd[count];
    int result = -1;
    try (Arguments set =
        new Arguments(
            Vfio.IRQ_SET_BYTES + count * Integer.BYTES,
            Vfio.IRQ_DATA_EVENTFD | Vfio.IRQ_ACTION_TRIGGER)) {
      set.set(8, Vfio.IRQ_INDEX_MSIX).set(16, count);
      for (int i = 0; i < count; i++) {
        made[i] = EventFd.create();
        set.set(Vfio.IRQ_SET_BYTES + i * (long) Integer.BYTES, made[i].fd());
      }
      result = set.tryCall(device, Vfio.DEVICE_SET_IRQS);
      if (result == 0) {
        vectors = made;
      }
      return result;
    } finally {
      if (result != 0) {
        close(made);
      }
    }
  }

  /** A new waiter on a vector. */
  synchronized InterruptVector open(int index) throws IOException {
    if (index < 0 || index >= vectors.length) {
      throw new IllegalArgumentException(
          "the device has %d interrupt vectors enabled: vector=%d"
              .formatted(vectors.length, index));
    }
    return VfioVector.on(vectors[index]);
  }

  /** Disables them; waiters that are still there are closed by their queues. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (vectors.length > 0) {
      try (Arguments set =
          new Arguments(Vfio.IRQ_SET_BYTES, Vfio.IRQ_DATA_NONE | Vfio.IRQ_ACTION_TRIGGER)) {
        // Count 0. If it fails, closing the device does the same.
        set.set(8, Vfio.IRQ_INDEX_MSIX).tryCall(device, Vfio.DEVICE_SET_IRQS);
      }
      close(vectors);
      vectors = new EventFd[0];
    }
  }

  private static void close(EventFd[] events) {
    for (EventFd event : events) {
      if (event != null) {
        event.close();
      }
    }
  }
}
