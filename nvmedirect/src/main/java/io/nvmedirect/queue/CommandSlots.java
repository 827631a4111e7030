package io.nvmedirect.queue;

import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import org.jspecify.annotations.Nullable;

/**
 * The commands in flight on a queue pair, by slot. A command identifier is a slot number and, in the
 * bits above, how often the slot was used: a completion that comes late, or twice, does not end the
 * next command of its slot. Owned by the thread that owns the queue pair.
 *
 * <pre>
 *   15        n+1 n            0
 *  | generation  | slot number  |
 * </pre>
 */
final class CommandSlots {

  /** A slot; all that is known of its command is in one place. */
  static final class Slot {

    /** From 0. */
    final int number;

    /** Of the command in the slot, or of the next one. */
    int commandId;

    /** Null if the slot is free. */
    @Nullable CompletionListener listener;

    /** A look has seen the command. */
    boolean seen;

    /** When one first did. */
    long seenNs;

    boolean expired;

    Slot(int number) {
      this.number = number;
      this.commandId = number;
    }
  }

  private final int slotMask;
  private final int generation;
  private final Slot[] slots;

  /** Stack of free slots: the last one used is the next one taken, for it is in the cache. */
  private final int[] free;

  private int freeCount;

  /**
   * @param capacity slots, 1 to 65535
   */
  CommandSlots(int capacity) {
    // As many bits as the capacity needs: then no slot number is all ones, nor is any identifier
    // FFFFh, which the Error Information log uses for "no command".
    int slotBits = Integer.SIZE - Integer.numberOfLeadingZeros(capacity);
    slotMask = (1 << slotBits) - 1;
    generation = 1 << slotBits;
    slots = new Slot[capacity];
    free = new int[capacity];
    for (int number = 0; number < capacity; number++) {
      slots[number] = new Slot(number);
      free[number] = capacity - 1 - number;
    }
    freeCount = capacity;
  }

  int capacity() {
    return slots.length;
  }

  int inFlight() {
    return slots.length - freeCount;
  }

  boolean isFull() {
    return freeCount == 0;
  }

  /** Takes a free slot for a command; there must be one. */
  Slot take(CompletionListener listener) {
    Slot slot = slots[free[--freeCount]];
    slot.listener = listener;
    return slot;
  }

  /**
   * Frees the slot of a command that has ended.
   *
   * @return its listener, or null if no such command is in flight
   */
  @Nullable CompletionListener release(int commandId) {
    int number = commandId & slotMask;
    if (number >= slots.length) {
      return null;
    }
    Slot slot = slots[number];
    CompletionListener listener = slot.listener;
    if (slot.commandId != commandId || listener == null) {
      return null;
    }
    slot.listener = null;
    slot.seen = false;
    slot.commandId = commandId + generation & 0xFFFF;
    free[freeCount++] = number;
    return listener;
  }

  /** See {@link QueuePair#expiredCommand}. */
  int expiredCommand(long nowNs, long timeoutNs) {
    for (Slot slot : slots) {
      if (slot.listener == null) {
        continue;
      }
      if (!slot.seen) {
        slot.seen = true;
        slot.seenNs = nowNs;
        slot.expired = false;
      } else if (nowNs - slot.seenNs > timeoutNs) {
        slot.seenNs = nowNs;
        return slot.commandId;
      }
    }
    return QueuePair.NONE;
  }

  /** Marks the command as expired, and says whether it was marked before. */
  boolean markExpired(int commandId) {
    Slot slot = slots[commandId & slotMask];
    boolean before = slot.expired;
    slot.expired = true;
    return before;
  }

  /** The identifier of some command in flight; there must be one. */
  int anyCommand() {
    for (Slot slot : slots) {
      if (slot.listener != null) {
        return slot.commandId;
      }
    }
    throw new IllegalStateException("no command is in flight");
  }
}
