package io.nvmedirect.emulator;

import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The commands of all controllers of a subsystem that another device executes. Data goes through the
 * memory of the device's slots, so that it never reaches memory of a host's which may be gone by then.
 * Owned by the subsystem's thread.
 */
final class Forwarding implements BlockDevice.Listener {

  /** Instead of a status: the command completes later. */
  static final int PENDING = -1;

  /** A command under way, or none. */
  private static final class Slot {
    final MemorySegment command = Arena.ofAuto().allocate(Sqe.BYTES, Sqe.BYTES);

    /** Whose command it is; null for one whose queue is gone, or a flush of the subsystem's own. */
    @Nullable EmulatedController owner;

    @Nullable DeviceSubmissionQueue queue;
    @Nullable DataPointer data;
    int bytes;

    /** If it has lost its owner: its number among those that have; else 0. */
    long orphan;
  }

  private final BlockDevice device;
  private final Slot[] slots;
  private final int[] free;
  private int freeCount;
  private long orphans;

  Forwarding(BlockDevice device) {
    this.device = device;
    slots = new Slot[device.slots()];
    free = new int[slots.length];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = new Slot();
      free[freeCount++] = i;
    }
  }

  boolean isFull() {
    return freeCount == 0;
  }

  /** Whether nothing is under way, of any controller. */
  boolean isIdle() {
    return freeCount == slots.length;
  }

  /**
   * Begins a command that was found valid; there must be a free slot.
   *
   * @param data for its data, or null if it has none
   * @param flags FUA, or 0
   * @param bytes of data
   * @param count of blocks, or of ranges
   * @return {@link #PENDING}, or the status that it fails with
   */
  int begin(
      EmulatedController owner,
      DeviceSubmissionQueue queue,
      MemorySegment command,
      @Nullable DataPointer data,
      int namespace,
      int flags,
      long slba,
      int bytes,
      int count) {
    int number = free[--freeCount];
    Slot slot = slots[number];
    int opcode = Sqe.opcode(command, 0);
    // An error in the midst of the device's work leaves the slot taken: the device may still use
    // it.
    boolean unused = true;
    try {
      if (data != null) {
        int status = data.resolve(command, bytes);
        if (status == Status.SUCCESS && opcode != Opcode.READ) {
          status = data.fromHost(device.data(number));
        }
        if (status != Status.SUCCESS) {
          return status;
        }
      }
      unused = false;
      device.begin(number, opcode, namespace, flags, slba, count);
    } catch (IOException e) {
      unused = true;
      return Status.INTERNAL_ERROR;
    } finally {
      if (unused) {
        free[freeCount++] = number;
      }
    }
    MemorySegment.copy(command, 0, slot.command, 0, Sqe.BYTES);
    slot.owner = owner;
    slot.queue = queue;
    slot.data = data;
    slot.bytes = bytes;
    queue.completions.reserved++;
    return PENDING;
  }

  /** Takes what has completed; returns how many commands that were. */
  int poll() {
    return isIdle() ? 0 : device.poll(this);
  }

  /** See {@link BlockDevice#takeChanged}. */
  int takeChanged() {
    return device.takeChanged();
  }

  /** Gives a namespace the format and the size that it has on the device. */
  void adopt(EmulatedNamespace namespace) {
    namespace.adopt(device);
  }

  @Override
  public void completed(int number, int status) {
    Slot slot = slots[number];
    free[freeCount++] = number;
    EmulatedController owner = slot.owner;
    DeviceSubmissionQueue queue = slot.queue;
    if (owner == null || queue == null) {
      slot.owner = null;
      slot.orphan = 0;
      if (owner != null && status != Status.SUCCESS) {
        owner.flushFailed();
      }
      return;
    }
    DataPointer data = slot.data;
    forget(slot);
    queue.completions.reserved--;
    int outcome = status;
    if (status == Status.SUCCESS && data != null && Sqe.opcode(slot.command, 0) == Opcode.READ) {
      outcome = toHost(number, slot, data);
    }
    owner.completeForwarded(queue, slot.command, outcome);
  }

  /** The host may have changed what the data pointer points to, or unmapped it: that is its affair. */
  private int toHost(int number, Slot slot, DataPointer data) {
    try {
      int status = data.resolve(slot.command, slot.bytes);
      return status == Status.SUCCESS
          ? data.toHost(device.data(number).asSlice(0, slot.bytes))
          : status;
    } catch (OutOfMemoryError e) {
      return Status.INTERNAL_ERROR;
    }
  }

  private static void forget(Slot slot) {
    slot.owner = null;
    slot.queue = null;
    slot.data = null;
  }

  /** Lets go of the commands of a controller, or of one of its queues: their ends are nobody's. */
  void orphan(EmulatedController owner, @Nullable DeviceSubmissionQueue queue) {
    for (Slot slot : slots) {
      DeviceSubmissionQueue of = slot.queue;
      boolean concerned = queue == null || (of != null && of.id == queue.id);
      if (concerned && owner.equals(slot.owner)) {
        if (of != null) {
          of.completions.reserved--;
        }
        forget(slot);
        slot.orphan = ++orphans;
      }
    }
  }

  /** How many commands have lost their owner so far. */
  long orphans() {
    return orphans;
  }

  /** Whether any of the first {@code upTo} commands that have lost their owner is still under way. */
  boolean hasOrphans(long upTo) {
    for (Slot slot : slots) {
      if (slot.orphan != 0 && slot.orphan <= upTo) {
        return true;
      }
    }
    return false;
  }

  /**
   * Begins a flush for a controller that shuts down, which is told if it fails. There must be a free
   * slot.
   */
  void flush(EmulatedController owner, int namespace) {
    int number = free[freeCount - 1];
    try {
      device.begin(number, Opcode.FLUSH, namespace, 0, 0, 1);
      freeCount--;
      slots[number].owner = owner;
    } catch (IOException e) {
      owner.flushFailed();
    }
  }

  /** Whether a controller has commands under way. */
  boolean isBusy(EmulatedController owner) {
    for (Slot slot : slots) {
      if (owner.equals(slot.owner)) {
        return true;
      }
    }
    return false;
  }

  void close() throws IOException {
    device.close();
  }
}
