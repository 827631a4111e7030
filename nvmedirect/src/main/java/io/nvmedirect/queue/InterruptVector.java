package io.nvmedirect.queue;

/** An interrupt vector of a PCI function. Any thread may wait on it. */
@FunctionalInterface
public interface InterruptVector {

  /**
   * Blocks until the vector is signalled, or the time is over. A signal since the last call counts.
   *
   * @return whether there was a signal
   */
  boolean await(long timeoutNs) throws InterruptedException;
}
