package io.nvmedirect.emulator;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The queues that exist, and the memory of their doorbells: the doorbell page, or the shadow doorbell
 * buffer of Doorbell Buffer Config (NVMe 1.4, section 7.13). Owned by the engine.
 */
final class DeviceQueues {

  /** I/O queue pairs. */
  static final int IO_QUEUES = 64;

  /** CAP.MQES + 1. */
  static final int MAX_ENTRIES = 4096;

  private static final int SQE_BYTES = 64;
  private static final int CQE_BYTES = 16;

  private final Iommu iommu;
  private final DoorbellPage page;
  private final @Nullable DeviceSubmissionQueue[] submission =
      new DeviceSubmissionQueue[IO_QUEUES + 1];
  private final @Nullable DeviceCompletionQueue[] completion =
      new DeviceCompletionQueue[IO_QUEUES + 1];
  private final @Nullable DeviceSubmissionQueue[] active = new DeviceSubmissionQueue[IO_QUEUES + 1];
  private int activeCount;
  private int completionCount;

  private @Nullable DmaWindow shadowWindow;
  private @Nullable DmaWindow eventWindow;
  private @Nullable MemorySegment shadow;
  private @Nullable MemorySegment eventIndex;

  DeviceQueues(Iommu iommu, DoorbellPage page) {
    this.iommu = iommu;
    this.page = page;
  }

  @Nullable DeviceSubmissionQueue submission(int id) {
    return id <= IO_QUEUES ? submission[id] : null;
  }

  @Nullable DeviceCompletionQueue completion(int id) {
    return id <= IO_QUEUES ? completion[id] : null;
  }

  int activeCount() {
    return activeCount;
  }

  DeviceSubmissionQueue active(int index) {
    return Objects.requireNonNull(active[index]);
  }

  /** Whether there are queues beside the admin queues. */
  boolean ioQueuesExist() {
    return activeCount > 1 || completionCount > 1;
  }

  /** Whether commands wait in I/O queues. */
  boolean hasIoCommands() {
    for (int i = 0; i < activeCount; i++) {
      DeviceSubmissionQueue queue = active(i);
      if (queue.id != 0 && queue.isRung()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Makes a completion queue.
   *
   * @return null if not all of its memory is mapped
   */
  @Nullable DeviceCompletionQueue createCompletion(int id, int entries, int vector, long iova) {
    DmaWindow window = new DmaWindow(iommu, iova, (long) entries * CQE_BYTES);
    if (!window.refresh()) {
      return null;
    }
    MemorySegment doorbells = doorbells(id);
    DeviceCompletionQueue queue =
        new DeviceCompletionQueue(id, entries, vector, window, doorbells, events(id));
    enable(2 * id + 1, entries, doorbells);
    completion[id] = queue;
    completionCount++;
    return queue;
  }

  /**
   * Makes a submission queue.
   *
   * @param priority of {@link DeviceSubmissionQueue}
   * @return false if not all of its memory is mapped
   */
  boolean createSubmission(
      int id, int entries, int priority, DeviceCompletionQueue completions, long iova) {
    DmaWindow window = new DmaWindow(iommu, iova, (long) entries * SQE_BYTES);
    if (!window.refresh()) {
      return false;
    }
    MemorySegment doorbells = doorbells(id);
    DeviceSubmissionQueue queue =
        new DeviceSubmissionQueue(
            id, entries, priority, completions, window, doorbells, events(id));
    enable(2 * id, entries, doorbells);
    submission[id] = queue;
    active[activeCount++] = queue;
    completions.users++;
    return true;
  }

  /** A new queue's doorbell is 0, wherever the host writes it. */
  private void enable(int index, int entries, MemorySegment doorbells) {
    page.enable(index, entries);
    DoorbellPage.set(doorbells, DoorbellPage.offset(index), 0);
    if (eventIndex != null && index > 1) {
      DoorbellPage.set(eventIndex, DoorbellPage.offset(index), 0);
    }
  }

  private @Nullable MemorySegment events(int id) {
    return id == 0 ? null : eventIndex;
  }

  private MemorySegment doorbells(int id) {
    return shadow != null && id != 0 ? shadow : page.memory;
  }

  void deleteSubmission(DeviceSubmissionQueue queue) {
    submission[queue.id] = null;
    queue.completions.users--;
    page.disable(2 * queue.id);
    for (int i = 0; i < activeCount; i++) {
      if (active(i).id == queue.id) {
        activeCount--;
        System.arraycopy(active, i + 1, active, i, activeCount - i);
        active[activeCount] = null;
        return;
      }
    }
  }

  void deleteCompletion(DeviceCompletionQueue queue) {
    completion[queue.id] = null;
    completionCount--;
    page.disable(2 * queue.id + 1);
  }

  /** Forgets every queue and the shadow doorbells. */
  void clear() {
    for (int id = 0; id <= IO_QUEUES; id++) {
      submission[id] = null;
      completion[id] = null;
      active[id] = null;
    }
    activeCount = 0;
    completionCount = 0;
    shadowWindow = null;
    eventWindow = null;
    shadow = null;
    eventIndex = null;
    for (int index = 0; index < DoorbellPage.COUNT; index++) {
      page.disable(index);
    }
  }

  /**
   * Takes the doorbells of I/O queues from a buffer in host memory from now on.
   *
   * @return false if a buffer is not mapped
   */
  boolean useShadowDoorbells(long shadowIova, long eventIova) {
    DmaWindow shadowPage = new DmaWindow(iommu, shadowIova, DoorbellPage.BYTES);
    DmaWindow eventPage = new DmaWindow(iommu, eventIova, DoorbellPage.BYTES);
    if (!shadowPage.refresh() || !eventPage.refresh()) {
      return false;
    }
    shadowWindow = shadowPage;
    eventWindow = eventPage;
    MemorySegment newShadow = shadowPage.memory.asSlice(shadowPage.offset, DoorbellPage.BYTES);
    MemorySegment newEvents = eventPage.memory.asSlice(eventPage.offset, DoorbellPage.BYTES);
    shadow = newShadow;
    eventIndex = newEvents;
    for (int id = 1; id <= IO_QUEUES; id++) {
      DeviceSubmissionQueue queue = submission[id];
      DeviceCompletionQueue completions = completion[id];
      if (queue != null) {
        queue.moveDoorbell(newShadow, newEvents);
        DoorbellPage.set(eventIndex, queue.doorbellOffset(), queue.tail());
      }
      if (completions != null) {
        completions.moveDoorbell(newShadow, newEvents);
        DoorbellPage.set(eventIndex, completions.doorbellOffset(), completions.head());
      }
    }
    return true;
  }

  boolean hasShadow() {
    return shadow != null;
  }

  /** Whether the shadow doorbells, if there are any, can still be reached. */
  boolean refreshShadow() {
    return shadowWindow == null
        || eventWindow == null
        || (shadowWindow.refresh() && eventWindow.refresh());
  }

  /**
   * Asks, through EventIdx, for a doorbell with the next submission, and with the next freed entry of
   * a completion queue that is full. What the host did before it could see that is seen by who looks
   * at the doorbells after this.
   */
  void armEvents() {
    MemorySegment events = eventIndex;
    if (events != null) {
      for (int i = 0; i < activeCount; i++) {
        DeviceSubmissionQueue queue = active(i);
        if (queue.id != 0) {
          DoorbellPage.set(events, queue.doorbellOffset(), queue.tail());
          DeviceCompletionQueue completions = queue.completions;
          if (!completions.hasRoom()) {
            DoorbellPage.set(events, completions.doorbellOffset(), completions.head());
          }
        }
      }
    }
    // Full fence so that the looks that follow cannot pass the stores above, or those that say the
    // device is going to sleep.
    VarHandle.fullFence();
  }

  /**
   * Finds a doorbell that was written without having a queue, and resets it.
   *
   * @return its index, or −1
   */
  int takeStrayDoorbell() {
    for (int index = 0; index < DoorbellPage.COUNT; index++) {
      if (isStray(index)) {
        page.disable(index);
        return index;
      }
    }
    return -1;
  }

  private boolean isStray(int index) {
    int id = index >>> 1;
    boolean exists =
        id <= IO_QUEUES && ((index & 1) == 0 ? submission[id] != null : completion[id] != null);
    return !exists
        && DoorbellPage.get(page.memory, DoorbellPage.offset(index)) != DoorbellPage.ABSENT;
  }
}
