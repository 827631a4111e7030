package io.nvmedirect.compat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.util.EnumSet;
import org.jspecify.annotations.Nullable;

/** A submission and completion queue pair. Any thread may use it. */
public final class NVMED_QUEUE {

  private static final int FLAGS = LibNvmed.QUEUE_MANUAL_COMPLETION | LibNvmed.QUEUE_INTERRUPT;

  private final NvmeQueue queue;
  private boolean destroyed;

  private NVMED_QUEUE(NvmeQueue queue) {
    this.queue = queue;
  }

  static NVMED_QUEUE create(NvmeDevice device, int flags) throws IOException {
    LibNvmed.checkFlags(flags, FLAGS);
    EnumSet<QueueOption> options = EnumSet.noneOf(QueueOption.class);
    if ((flags & LibNvmed.QUEUE_MANUAL_COMPLETION) != 0) {
      options.add(QueueOption.MANUAL_COMPLETION);
    }
    if ((flags & LibNvmed.QUEUE_INTERRUPT) != 0) {
      options.add(QueueOption.INTERRUPT);
    }
    return new NVMED_QUEUE(device.createQueue(options.toArray(QueueOption[]::new)));
  }

  static NvmeQueue of(@Nullable NVMED_QUEUE queue) throws NvmeException {
    if (queue == null) {
      throw new NvmeException("the queue is null");
    }
    return queue.queue;
  }

  NvmeQueue queue() {
    return queue;
  }

  synchronized boolean isDestroyed() {
    return destroyed;
  }

  /**
   * Deletes the queue; false if it was destroyed before.
   *
   * @throws IllegalStateException if a handle is on it: it stays
   * @throws IOException if the controller does not delete it: it is destroyed all the same
   */
  synchronized boolean destroy() throws IOException {
    if (destroyed) {
      return false;
    }
    try {
      queue.close();
      destroyed = true;
    } catch (IOException e) {
      destroyed = true;
      throw e;
    }
    return true;
  }
}
