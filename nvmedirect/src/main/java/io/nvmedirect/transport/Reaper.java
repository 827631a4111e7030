package io.nvmedirect.transport;

/**
 * Keeps completions coming while a thread waits for something other than an operation of its own: a
 * lock that is held during I/O, or writes of others.
 */
public interface Reaper {

  /**
   * Whether the calling thread must go on reaping while it waits: operations that others wait for may
   * be completed by nobody else.
   */
  boolean mustReap();

  /**
   * Reaps what the calling thread may reap, without running callbacks. If there is nothing it waits a
   * little, longer with each call in a row.
   *
   * @param idle what the call before returned, 0 at first
   * @return calls in a row that found nothing
   */
  int reap(int idle);
}
