package io.nvmedirect.queue;

import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.util.Arrays;
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

  private static final long UNSEEN = Long.MIN_VALUE;

  private final int slotBits;
  private final int slotMask;
  private final char[] commandIds;
  private final @Nullable CompletionListener[] listeners;

  /** Stack of free slots: the last one used is the next one taken, for it is in the cache. */
  private final int[] free;

  private int freeCount;

  /** When a look first saw the command of the slot, or UNSEEN. */
  private final long[] seenNs;

  private final boolean[] expired;

  /**
   * @param capacity slots, 1 to 65535
   */
  CommandSlots(int capacity) {
    // As many bits as the capacity needs: then no slot number is all ones, nor is any identifier
    // FFFFh, which the Error Information log uses for "no command".
    slotBits = Integer.SIZE - Integer.numberOfLeadingZeros(capacity);
    slotMask = (1 << slotBits) - 1;
    commandIds = new char[capacity];
    listeners = new CompletionListener[capacity];
    free = new int[capacity];
    seenNs = new long[capacity];
    expired = new boolean[capacity];
    for (int slot = 0; slot < capacity; slot++) {
      commandIds[slot] = (char) slot;
      free[slot] = capacity - 1 - slot;
    }
    freeCount = capacity;
    Arrays.fill(seenNs, UNSEEN);
  }

  int capacity() {
    return free.length;
  }

  int inFlight() {
    return free.length - freeCount;
  }

  boolean isFull() {
    return freeCount == 0;
  }

  /** Takes a free slot for a command; there must be one. */
  int take(CompletionListener listener) {
    int slot = free[--freeCount];
    listeners[slot] = listener;
    return slot;
  }

  int commandId(int slot) {
    return commandIds[slot];
  }

  /**
   * Frees the slot of a command that has ended.
   *
   * @return its listener, or null if no such command is in flight
   */
  @Nullable CompletionListener release(int commandId) {
    int slot = commandId & slotMask;
    if (slot >= listeners.length || commandIds[slot] != commandId) {
      return null;
    }
    CompletionListener listener = listeners[slot];
    if (listener != null) {
      listeners[slot] = null;
      commandIds[slot] = (char) (commandId + (1 << slotBits));
      seenNs[slot] = UNSEEN;
      free[freeCount++] = slot;
    }
    return listener;
  }

  /** See {@link QueuePair#expiredCommand}. */
  int expiredCommand(long nowNs, long timeoutNs) {
    for (int slot = 0; slot < listeners.length; slot++) {
      if (listeners[slot] == null) {
        continue;
      }
      if (seenNs[slot] == UNSEEN) {
        seenNs[slot] = nowNs;
        expired[slot] = false;
      } else if (nowNs - seenNs[slot] > timeoutNs) {
        seenNs[slot] = nowNs;
        return commandIds[slot];
      }
    }
    return QueuePair.NONE;
  }

  /** Marks the command as expired, and says whether it was marked before. */
  boolean markExpired(int commandId) {
    int slot = commandId & slotMask;
    boolean before = expired[slot];
    expired[slot] = true;
    return before;
  }

  /** The identifier of some command in flight; there must be one. */
  int anyCommand() {
    for (int slot = 0; slot < listeners.length; slot++) {
      if (listeners[slot] != null) {
        return commandIds[slot];
      }
    }
    throw new IllegalStateException("no command is in flight");
  }
}
