package io.nvmedirect.emulator;

import io.nvmedirect.spec.Cqe;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The device's end of a completion queue (NVMe 1.4, section 4.1): posts at the tail and learns the
 * head from a doorbell. Owned by the engine.
 */
final class DeviceCompletionQueue {

  /** {@link #vector} of a queue without interrupts. */
  static final int NO_VECTOR = -1;

  final int id;
  final int entries;
  final int vector;
  private final DmaWindow window;

  /** Submission queues that complete here. */
  int users;

  /** Entries promised to commands whose completion is still to come. */
  int reserved;

  /** Whether entries were posted since the last interrupt. */
  boolean posted;

  private MemorySegment doorbells;

  /** The event indices; null for a doorbell that is a register. */
  private @Nullable MemorySegment events;

  private int head;
  private int tail;
  private int phase = 1;

  DeviceCompletionQueue(
      int id,
      int entries,
      int vector,
      DmaWindow window,
      MemorySegment doorbells,
      @Nullable MemorySegment events) {
    this.id = id;
    this.entries = entries;
    this.vector = vector;
    this.window = window;
    this.doorbells = doorbells;
    this.events = events;
  }

  int head() {
    return head;
  }

  long doorbellOffset() {
    return DoorbellPage.offset(2 * id + 1);
  }

  /** Whether an entry is free that is not promised to another command. */
  boolean hasRoom() {
    return used() + reserved < entries - 1;
  }

  private int used() {
    int used = tail - head;
    return used < 0 ? used + entries : used;
  }

  /** Looks for the head in other memory from now on. */
  void moveDoorbell(MemorySegment memory, MemorySegment eventIndices) {
    doorbells = memory;
    events = eventIndices;
    DoorbellPage.set(memory, doorbellOffset(), head);
  }

  /**
   * Takes the head from the doorbell.
   *
   * @return false if the value is none that the host may write: it was taken back
   */
  boolean refreshHead() {
    int value = DoorbellPage.get(doorbells, doorbellOffset());
    if (value == head) {
      return true;
    }
    int freed = value < head ? value - head + entries : value - head;
    if (value < 0 || value >= entries || freed > used()) {
      DoorbellPage.replace(doorbells, doorbellOffset(), value, head);
      return false;
    }
    head = value;
    if (events != null) {
      DoorbellPage.needNot(events, doorbellOffset(), value, entries);
    }
    return true;
  }

  /**
   * Posts an entry; there must be room.
   *
   * @return false if the queue's memory is gone
   */
  boolean post(int result, int sqHead, int sqId, int cid, int status) {
    if (!window.refresh()) {
      return false;
    }
    int at = tail;
    long offset = window.offset + (long) at * Cqe.BYTES;
    Cqe.publish(window.memory, offset, result, sqHead, sqId, cid, status, phase);
    if (++at == entries) {
      at = 0;
      phase ^= 1;
    }
    tail = at;
    return true;
  }
}
