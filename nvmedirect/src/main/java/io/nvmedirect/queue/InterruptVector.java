package io.nvmedirect.queue;

/**
 * One waiter on an interrupt vector of a PCI function. Several queues may share a vector, each with a
 * waiter of its own: a signal is for all of them, and none takes it from another.
 *
 * <p>One thread at a time waits; {@link #wake} is for any thread.
 */
public interface InterruptVector extends AutoCloseable {

  /**
   * Blocks until the vector is signalled, {@link #wake} is called, or the time is over. What has
   * happened since the last call, or for the first one since the waiter was opened, counts.
   *
   * @return false if the time is over
   * @throws InterruptedException if the thread is interrupted and the wait can notice; one in the
   *     kernel does not, goes on, and leaves the thread interrupted
   */
  boolean await(long timeoutNs) throws InterruptedException;

  /** Ends the wait of another thread, or the next one. Has no effect on a closed waiter. */
  void wake();

  /** Lets go of the vector; no thread waits. Idempotent. */
  @Override
  void close();
}
