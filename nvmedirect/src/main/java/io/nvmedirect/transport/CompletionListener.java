package io.nvmedirect.transport;

/** Told once when a command has ended. */
public interface CompletionListener {

  /**
   * The command has ended. Runs in {@link QueuePair#reap} or {@link QueuePair#failAll}, on the thread
   * that owns the queue pair; it may claim and post, and does not throw.
   *
   * @param status the status field, 0 for success
   * @param result DW0 of the completion; 0 on an I/O queue
   */
  void onCompletion(int status, int result);
}
