package io.nvmedirect.queue;

/** A doorbell register of one queue. */
@FunctionalInterface
public interface Doorbell {

  /** Writes the register; what the thread wrote to memory before is seen by the device. */
  void ring(int value);

  /** The queue is about to be created, with a value of 0. */
  default void reset() {}
}
