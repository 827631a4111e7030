package io.nvmedirect.emulator;

import io.nvmedirect.spec.Register;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The doorbell registers (NVMe 1.4, sections 3.1.24 and 3.1.25): native memory that the host writes
 * and the device polls. Doorbell {@code 2 × QID} is a submission queue's tail, the next one its
 * completion queue's head. A doorbell without a queue holds {@link #ABSENT}, so that a write to it
 * shows.
 *
 * <p>The memory is freed with the last object that can ring, so that ringing a closed controller is
 * a store that nobody reads.
 */
final class DoorbellPage {

  static final int BYTES = 4096;

  /** Bytes from one doorbell to the next: CAP.DSTRD is 0. */
  static final int STRIDE_BYTES = 4;

  static final int COUNT = BYTES / STRIDE_BYTES;

  /** Value of a doorbell that belongs to no queue. */
  static final int ABSENT = -1;

  private static final VarHandle VALUE =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle().withInvokeExactBehavior();

  final MemorySegment memory;

  /**
   * Entries of the queue of each doorbell, 0 if there is none. The device writes it before the host
   * can know the queue; a stale value costs a wake-up that was not needed.
   */
  private final int[] entries = new int[COUNT];

  DoorbellPage() {
    this(Arena.ofAuto().allocate(BYTES, BYTES));
  }

  /** In memory of {@link #BYTES} that the host may have mapped. */
  DoorbellPage(MemorySegment memory) {
    this.memory = memory;
    memory.fill((byte) ABSENT);
  }

  static long offset(int index) {
    return (long) index * STRIDE_BYTES;
  }

  /** The doorbell at an offset of BAR0; −1 if there is none. */
  static int index(int barOffset) {
    int offset = barOffset - Register.DOORBELLS;
    return offset < 0 || offset >= BYTES || offset % STRIDE_BYTES != 0 ? -1 : offset / STRIDE_BYTES;
  }

  /** Enables a doorbell for a queue with that many entries. */
  void enable(int index, int queueEntries) {
    entries[index] = queueEntries;
    set(memory, offset(index), 0);
  }

  /** Makes a doorbell one that belongs to no queue. */
  void disable(int index) {
    entries[index] = 0;
    set(memory, offset(index), ABSENT);
  }

  /** Whether the queue of a doorbell has such an entry. */
  boolean isPlausible(int index, int value) {
    return value >= 0 && value < entries[index];
  }

  /** Acquire so that the entries which the host wrote before it rang are seen. */
  static int get(MemorySegment memory, long offset) {
    return (int) VALUE.getAcquire(memory, offset);
  }

  /** Volatile so that a look at the other side's state, which follows, cannot pass the store. */
  static void set(MemorySegment memory, long offset, int value) {
    VALUE.setVolatile(memory, offset, value);
  }

  /**
   * Says in the event index of a doorbell that nobody needs to write the register for the next values:
   * it is set to what comes last of them. Opaque, for it only saves register writes; who is going to
   * sleep sets it otherwise, and looks again.
   */
  static void needNot(MemorySegment events, long offset, int value, int queueEntries) {
    VALUE.setOpaque(events, offset, value == 0 ? queueEntries - 1 : value - 1);
  }

  /** Takes back a value unless the host has written another one since. */
  static void replace(MemorySegment memory, long offset, int expected, int value) {
    var _ = VALUE.compareAndSet(memory, offset, expected, value);
  }
}
