package io.nvmedirect.pcie;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Access to device registers that are mapped into memory: 32 bits at a time, little endian. */
final class Mmio {

  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle REGISTER = INT.varHandle().withInvokeExactBehavior();

  private Mmio() {}

  static int read32(MemorySegment registers, long offset) {
    // Volatile so that two reads of a register are two, in program order.
    return (int) REGISTER.getVolatile(registers, offset);
  }

  static void write32(MemorySegment registers, long offset, int value) {
    // Release so that the queue entries written before are in memory when the device, told by this
    // store, fetches them.
    REGISTER.setRelease(registers, offset, value);
  }
}
