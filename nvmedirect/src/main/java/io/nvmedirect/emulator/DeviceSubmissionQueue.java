package io.nvmedirect.emulator;

import io.nvmedirect.spec.Sqe;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The device's end of a submission queue (NVMe 1.4, section 4.1): learns the tail from a doorbell and
 * fetches from the head. Owned by the engine.
 */
final class DeviceSubmissionQueue {

  // QPRIO (figure 156), and before it what is not of it.
  static final int ADMIN = -1;
  static final int URGENT = 0;
  static final int HIGH = 1;
  static final int MEDIUM = 2;
  static final int LOW = 3;

  final int id;
  final int entries;
  final int priority;
  final DeviceCompletionQueue completions;
  private final DmaWindow window;
  private MemorySegment doorbells;

  /** The event indices; null for a doorbell that is a register. */
  private @Nullable MemorySegment events;

  private int head;
  private int tail;

  DeviceSubmissionQueue(
      int id,
      int entries,
      int priority,
      DeviceCompletionQueue completions,
      DmaWindow window,
      MemorySegment doorbells,
      @Nullable MemorySegment events) {
    this.id = id;
    this.entries = entries;
    this.priority = priority;
    this.completions = completions;
    this.window = window;
    this.doorbells = doorbells;
    this.events = events;
  }

  int head() {
    return head;
  }

  int tail() {
    return tail;
  }

  boolean isEmpty() {
    return head == tail;
  }

  /** Whether the host has rung for commands that are not fetched, also if that is still to be seen. */
  boolean isRung() {
    return head != tail || DoorbellPage.get(doorbells, doorbellOffset()) != tail;
  }

  long doorbellOffset() {
    return DoorbellPage.offset(2 * id);
  }

  /** Looks for the tail in other memory from now on. */
  void moveDoorbell(MemorySegment memory, MemorySegment eventIndices) {
    doorbells = memory;
    events = eventIndices;
    DoorbellPage.set(memory, doorbellOffset(), tail);
  }

  /**
   * Takes the tail from the doorbell.
   *
   * @return false if the value is none that the host may write: it was taken back
   */
  boolean refreshTail() {
    int value = DoorbellPage.get(doorbells, doorbellOffset());
    if (value == tail) {
      return true;
    }
    int used = tail < head ? tail - head + entries : tail - head;
    int added = value < tail ? value - tail + entries : value - tail;
    if (value < 0 || value >= entries || used + added >= entries) {
      DoorbellPage.replace(doorbells, doorbellOffset(), value, tail);
      return false;
    }
    tail = value;
    if (events != null) {
      // Each time: the host may go all the way round at once.
      DoorbellPage.needNot(events, doorbellOffset(), value, entries);
    }
    return true;
  }

  /**
   * Copies the entry at the head, so that the host cannot change a command while it executes.
   *
   * @return false if the queue's memory is gone
   */
  boolean fetch(MemorySegment into) {
    if (!window.refresh()) {
      return false;
    }
    int at = head;
    MemorySegment.copy(window.memory, window.offset + (long) at * Sqe.BYTES, into, 0, Sqe.BYTES);
    head = at + 1 == entries ? 0 : at + 1;
    return true;
  }
}
