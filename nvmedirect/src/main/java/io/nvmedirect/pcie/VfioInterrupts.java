package io.nvmedirect.pcie;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The MSI-X vectors of a function, each with an eventfd that the kernel or a server signals. They are
 * enabled all at once, when the first queue wants one: kernels before 6.5 cannot add any later. The
 * object's lock owns them.
 */
final class VfioInterrupts implements AutoCloseable {

  /** More than the admin queue and every I/O queue can use. */
  private static final int MOST = 65;

  private final Msix msix;
  private List<EventFd> vectors = List.of();
  private boolean enabled;
  private boolean closed;

  VfioInterrupts(Msix msix) {
    this.msix = msix;
  }

  /** Enables the vectors if that has not happened, and counts them; 0 if there are none. */
  synchronized int enable() throws IOException {
    if (!enabled && !closed) {
      int count = Math.min(MOST, msix.available());
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
    return vectors.size();
  }

  private int enable(int count) throws IOException {
    List<EventFd> made = new ArrayList<>();
    int result = -1;
    try {
      for (int i = 0; i < count; i++) {
        made.add(EventFd.create());
      }
      result = msix.enable(made);
      if (result == 0) {
        vectors = List.copyOf(made);
      }
      return result;
    } finally {
      if (result != 0) {
        made.forEach(EventFd::close);
      }
    }
  }

  /** After a reset of the function: the vectors that were enabled are again. */
  synchronized void restore() throws IOException {
    if (!vectors.isEmpty() && msix.restore(vectors) != 0) {
      throw new NvmeException(
          "after its reset the function does not take the eventfds of %d interrupt vectors again"
              .formatted(vectors.size()));
    }
  }

  /** A new waiter on a vector. */
  synchronized InterruptVector open(int index) throws LinuxException {
    if (index < 0 || index >= vectors.size()) {
      throw new IllegalArgumentException(
          "the device has %d interrupt vectors enabled: vector=%d"
              .formatted(vectors.size(), index));
    }
    return VfioVector.on(vectors.get(index));
  }

  /** Wakes everybody who waits for an interrupt, to look at the device. */
  synchronized void signalAll() {
    vectors.forEach(EventFd::signal);
  }

  /** Disables them; waiters that are still there are closed by their queues. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (!vectors.isEmpty()) {
      msix.disable();
      vectors.forEach(EventFd::close);
      vectors = List.of();
    }
  }
}
