package io.nvmedirect.pcie;

import io.nvmedirect.queue.Doorbell;
import java.lang.foreign.MemorySegment;

/** A doorbell register that is mapped: ringing it is one store. */
record MappedDoorbell(MemorySegment registers, long offset) implements Doorbell {

  @Override
  public void ring(int value) {
    Mmio.write32(registers, offset, value);
  }
}
