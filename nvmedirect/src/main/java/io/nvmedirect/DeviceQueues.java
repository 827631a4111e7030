package io.nvmedirect;

import io.nvmedirect.address.SystemFailure;
import io.nvmedirect.driver.Controller;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.memory.DmaRegistry;
import io.nvmedirect.transport.IoLock;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;

/** The open queues of a device, who reaps them, and what the device does on them for itself. */
final class DeviceQueues {

  /** What the device itself does, not for a handle. */
  @FunctionalInterface
  interface Action {
    void run(DirectPaths paths) throws IOException;
  }

  private final NvmeDevice device;
  private final Controller controller;
  private final DmaRegistry registry;
  private final CompletionThread completionThread;
  private final DeviceReaper reaper;

  /**
   * Held while the set of queues or the device itself changes, and while the device does I/O for itself.
   */
  private final IoLock changing;

  /** Replaced by the holder of {@code changing}, read by anyone. */
  private volatile NvmeQueue[] open = {};

  DeviceQueues(NvmeDevice device, Controller controller, DmaRegistry registry) {
    this.device = device;
    this.controller = controller;
    this.registry = registry;
    this.completionThread = new CompletionThread(device.address(), controller.clock());
    this.reaper = new DeviceReaper(this, controller.clock());
    this.changing = new IoLock(reaper);
  }

  IoLock changing() {
    return changing;
  }

  /** For those who wait for I/O of others. */
  DeviceReaper reaper() {
    return reaper;
  }

  /** The open queues; the array is never changed. */
  NvmeQueue[] open() {
    return open;
  }

  /** Makes a queue; the caller has {@link #changing}. */
  NvmeQueue create(int depth, QueuePriority priority, Set<QueueOption> options) throws IOException {
    boolean manual = options.contains(QueueOption.MANUAL_COMPLETION);
    IoQueue ioQueue = openQueue(depth, options.contains(QueueOption.INTERRUPT), priority);
    NvmeQueue queue =
        new NvmeQueue(device, ioQueue, priority, options, manual ? null : completionThread);
    NvmeQueue[] more = Arrays.copyOf(open, open.length + 1);
    more[open.length] = queue;
    open = more;
    if (!manual) {
      completionThread.add(queue);
    }
    return queue;
  }

  private IoQueue openQueue(int depth, boolean interrupt, QueuePriority priority)
      throws IOException {
    try {
      return controller.openQueue(depth, interrupt, priority.code());
    } catch (IOException e) {
      // Mappings of the application's memory may be what there is no room for.
      if (!registry.dropMappings()) {
        throw SystemFailure.of(device.address(), e);
      }
    }
    try {
      return controller.openQueue(depth, interrupt, priority.code());
    } catch (IOException e) {
      throw SystemFailure.of(device.address(), e);
    }
  }

  /** Deletes a queue that nobody can use any more; the caller has {@link #changing}. */
  void closed(NvmeQueue queue, IoQueue ioQueue) throws IOException {
    completionThread.remove(queue);
    open = Arrays.stream(open).filter(other -> !other.equals(queue)).toArray(NvmeQueue[]::new);
    controller.closeQueue(ioQueue);
  }

  /**
   * Runs it on a queue that is open or, if there is none that this thread may use, on one of its own. No
   * queue opens or closes meanwhile, so that nobody meets this one. The caller has {@link #changing}.
   *
   * @param depth of a queue of its own
   */
  void run(int depth, Action action) throws IOException {
    for (NvmeQueue queue : open) {
      if (!queue.isConfined()) {
        runOn(queue, action);
        return;
      }
    }
    EnumSet<QueueOption> manual = EnumSet.of(QueueOption.MANUAL_COMPLETION);
    try (NvmeQueue own = create(depth, QueuePriority.MEDIUM, manual)) {
      runOn(own, action);
    }
  }

  private static void runOn(NvmeQueue queue, Action action) throws IOException {
    try (NvmeHandle handle = queue.createHandle()) {
      action.run(handle.paths());
    }
  }

  /** Throws if there are open queues. */
  void checkNone(String what) {
    NvmeQueue[] now = open;
    if (now.length > 0) {
      throw new IllegalStateException(
          "cannot %s %s: queues are open, close them first: %d"
              .formatted(what, device.address(), now.length));
    }
  }

  /** Ends the completion thread; no queue is open. */
  void close() {
    completionThread.close();
  }
}
