package io.nvmedirect;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** How many operations are under way. Any thread may read it. */
final class OperationCount {

  private static final VarHandle VALUE;

  static {
    try {
      VALUE =
          MethodHandles.lookup()
              .findVarHandle(OperationCount.class, "value", int.class)
              .withInvokeExactBehavior();
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final boolean confined;
  private int value;

  /**
   * @param confined one thread at a time changes the count, which spares it a locked instruction and a
   *     fence
   */
  OperationCount(boolean confined) {
    this.confined = confined;
  }

  void add(int by) {
    if (confined) {
      // Release so that who sees the count sees what the operation has done.
      VALUE.setRelease(this, value + by);
    } else {
      var _ = (int) VALUE.getAndAdd(this, by);
    }
  }

  int get() {
    return (int) VALUE.getAcquire(this);
  }
}
