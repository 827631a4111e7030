package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaMapper;
import java.io.IOException;

/**
 * A PCI function with an NVMe controller: how BAR0, memory and interrupts are reached. This is all
 * that VFIO, vfio-user and the embedded controller differ in.
 */
public interface PciFunction extends AutoCloseable {

  /** Reads four bytes of BAR0. */
  int read32(int offset) throws IOException;

  /** Reads eight bytes of BAR0. */
  long read64(int offset) throws IOException;

  /** Writes four bytes of BAR0. */
  void write32(int offset, int value) throws IOException;

  /** Writes eight bytes of BAR0. */
  void write64(int offset, long value) throws IOException;

  /** The doorbell at an offset of BAR0. */
  Doorbell doorbell(int offset) throws IOException;

  /**
   * The doorbell at an offset of BAR0 for a controller that may not look at the register by itself:
   * ringing it reaches the controller even if it sleeps. Costs more than the other where these differ.
   */
  default Doorbell announcedDoorbell(int offset) throws IOException {
    return doorbell(offset);
  }

  /** The IOMMU in front of the function. */
  DmaMapper dma();

  /** Interrupt vectors of the function. */
  int vectors() throws IOException;

  /**
   * Opens a new waiter on an interrupt vector, which its user closes.
   *
   * @param index 0 to {@link #vectors} − 1
   */
  InterruptVector vector(int index) throws IOException;

  /**
   * Resets the function by means outside of the controller, which forgets all: registers, queues,
   * commands.
   *
   * @return false if there are no such means, and nothing has happened
   */
  boolean reset() throws IOException;

  /**
   * Whether the function is gone for good: nothing that is asked of it has an answer, and it reaches no
   * memory that gets another owner.
   */
  default boolean isLost() {
    return false;
  }

  /** Lets go of the function. Idempotent. */
  @Override
  void close();
}
