package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.transport.AdminCommands;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * The memory of Doorbell Buffer Config (NVMe 1.4, sections 5.7 and 7.13): a page of shadow doorbells,
 * which the host writes instead of registers, and a page of event indices, by which the controller asks
 * for a write of the register as well. Both are laid out as the doorbell registers are.
 *
 * <p>The admin queue has entries, too, but its commands are too rare to gain from them: its registers
 * are written always, and an emulated controller copies what is written there.
 */
final class ShadowDoorbells {

  /** The memory page size that the driver sets in CC. */
  static final int PAGE_BYTES = 4096;

  private final DmaBuffer pages;
  private final MemorySegment values;
  private final MemorySegment events;

  /** Changed while no I/O queue exists; a queue is made under the same lock afterwards. */
  private boolean inUse;

  ShadowDoorbells(DmaMapper dma) throws IOException {
    pages = DmaBuffer.allocate(dma, 2 * PAGE_BYTES);
    values = pages.segment().asSlice(0, PAGE_BYTES);
    events = pages.segment().asSlice(PAGE_BYTES, PAGE_BYTES);
  }

  /** Tells an enabled controller without I/O queues of the pages. */
  void configure(AdminCommands admin) throws IOException {
    pages.segment().fill((byte) 0);
    // Two pages in a row give PRP1 and PRP2: the shadow doorbells and the event indices.
    admin.execute("Doorbell Buffer Config", Sqe::doorbellBufferConfig, pages, 2 * PAGE_BYTES);
    inUse = true;
  }

  /** The controller has been disabled, and looks at the pages no more until it is told of them again. */
  void forget() {
    inUse = false;
  }

  /** Whether the controller looks at the pages; if not, registers are written. */
  boolean inUse() {
    return inUse;
  }

  /** The doorbell at an offset of BAR0: its register if the pages do not reach that far. */
  Doorbell doorbell(int offset, Doorbell register) {
    int at = offset - Register.DOORBELLS;
    return at + Integer.BYTES > PAGE_BYTES
        ? register
        : new ShadowDoorbell(this, register, values, events, at);
  }

  /** Frees the pages; the controller is let go of. Idempotent. */
  void close() {
    pages.close();
  }
}
