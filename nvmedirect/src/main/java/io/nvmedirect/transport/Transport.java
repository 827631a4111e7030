package io.nvmedirect.transport;

import io.nvmedirect.memory.DmaMapper;
import java.io.IOException;

/** One controller that can be reached: its properties, its queues and its memory. */
public interface Transport extends AutoCloseable {

  /** Reads a 32-bit property, by its offset in {@link io.nvmedirect.spec.Register}. */
  int read32(int register) throws IOException;

  /** Reads a 64-bit property. */
  long read64(int register) throws IOException;

  /** Writes a 32-bit property. */
  void write32(int register, int value) throws IOException;

  /** Makes the memory of an admin queue pair of {@code entries} entries, 2 to 4096. */
  QueuePair openAdminQueue(int entries) throws IOException;

  /**
   * Tells a disabled controller where its admin queue pair is; nothing is in flight. It has forgotten
   * its I/O queues and shadow doorbells.
   */
  void attachAdminQueue(QueuePair admin) throws IOException;

  /**
   * Gives a controller that offers it, and has no I/O queues, doorbells in memory (Doorbell Buffer
   * Config). Queues use them if they are made after the first time. Where that fails, doorbells are
   * registers, and it must not be tried again.
   */
  void useShadowDoorbells(AdminCommands admin) throws IOException;

  /**
   * Makes the memory of an I/O queue pair; {@link QueuePair#create} tells the controller of it.
   *
   * @param vector interrupt vector, or −1 for none
   * @param priority QPRIO, 0 urgent to 3 low, for a controller with weighted round robin
   */
  QueuePair openQueue(int qid, int entries, int vector, int priority) throws IOException;

  /** Interrupt vectors that queues can have. */
  int interruptVectors() throws IOException;

  /** Makes memory reachable for the controller. */
  DmaMapper dma();

  /** Most bytes that one command can transfer with this transport's data pointers. */
  long maxTransferBytes();

  /**
   * Resets a controller that does not obey its registers, by means outside of it; it is disabled then.
   *
   * @return false if there are no such means, and nothing has happened
   */
  boolean reset() throws IOException;

  /**
   * Whether the controller is gone for good, so that nobody needs to wait for it: what is asked of it
   * fails at once, and it reaches no memory that gets another owner. Cheap, and for any thread.
   */
  default boolean isLost() {
    return false;
  }

  /** Lets go of the controller, which is shut down. Idempotent. */
  @Override
  void close();
}
