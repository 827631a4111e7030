package io.nvmedirect.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A doorbell in memory. The register is written only if the value passes the controller's event index
 * (NVMe 1.4, section 7.13): otherwise the controller looks at the memory by itself. Owned by the owner
 * of the queue pair.
 */
final class ShadowDoorbell implements Doorbell {

  private static final VarHandle U32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle().withInvokeExactBehavior();

  private final ShadowDoorbells pages;
  private final Doorbell register;
  private final MemorySegment values;
  private final MemorySegment events;
  private final long offset;

  /** The value before; not read from memory, which the controller may write. */
  private int last;

  ShadowDoorbell(
      ShadowDoorbells pages,
      Doorbell register,
      MemorySegment values,
      MemorySegment events,
      long offset) {
    this.pages = pages;
    this.register = register;
    this.values = values;
    this.events = events;
    this.offset = offset;
  }

  @Override
  public void ring(int value) {
    int old = last;
    last = value;
    // Release so that a controller which sees the value sees the entries that were written before.
    U32.setRelease(values, offset, value);
    // Full fence so that the load below cannot pass the store above. The controller stores its
    // event index, has a fence and looks at the value again before it stops looking: so either it
    // sees this value, or its event index is seen here.
    VarHandle.fullFence();
    if (passes((int) U32.getOpaque(events, offset), old, value) || !pages.inUse()) {
      register.ring(value);
    }
  }

  /**
   * Whether {@code event} is one of the values from {@code old} on that are before {@code value}, going
   * around the ring. Its size does not matter: what it does not use of 16 bits is no event index.
   */
  static boolean passes(int event, int old, int value) {
    return ((value - event - 1) & 0xFFFF) < ((value - old) & 0xFFFF);
  }

  /** A queue with this identifier may have been deleted: the controller need not clear its entries. */
  @Override
  public void reset() {
    last = 0;
    U32.setVolatile(values, offset, 0);
    U32.setVolatile(events, offset, 0);
  }
}
