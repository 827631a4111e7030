package io.nvmedirect.pcie;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import java.util.List;

/**
 * The MSI-X vectors of a function that the kernel's VFIO has. Message Control and the table are the kernel's:
 * it enables MSI-X when the eventfds are given, and what is written there has no effect.
 */
record VfioMsix(NativeFile device) implements Msix {

  @Override
  public int available() throws LinuxException {
    try (Arguments info = new Arguments(Vfio.IRQ_INFO_BYTES, 0)) {
      info.set(8, Vfio.IRQ_INDEX_MSIX);
      info.call(device, "VFIO_DEVICE_GET_IRQ_INFO", Vfio.DEVICE_GET_IRQ_INFO);
      return info.getInt(12);
    }
  }

  @Override
  public int enable(List<EventFd> events) {
    int count = events.size();
    try (Arguments set =
        new Arguments(
            Vfio.IRQ_SET_BYTES + count * Integer.BYTES,
            Vfio.IRQ_DATA_EVENTFD | Vfio.IRQ_ACTION_TRIGGER)) {
      set.set(8, Vfio.IRQ_INDEX_MSIX).set(16, count);
      for (int i = 0; i < count; i++) {
        set.set(Vfio.IRQ_SET_BYTES + i * (long) Integer.BYTES, events.get(i).fd());
      }
      return set.tryCall(device, Vfio.DEVICE_SET_IRQS);
    }
  }

  /** The kernel has restored all of it. */
  @Override
  public int restore(List<EventFd> events) {
    return 0;
  }

  @Override
  public void disable() {
    try (Arguments set =
        new Arguments(Vfio.IRQ_SET_BYTES, Vfio.IRQ_DATA_NONE | Vfio.IRQ_ACTION_TRIGGER)) {
      // Count 0.
      set.set(8, Vfio.IRQ_INDEX_MSIX).tryCall(device, Vfio.DEVICE_SET_IRQS);
    }
  }
}
