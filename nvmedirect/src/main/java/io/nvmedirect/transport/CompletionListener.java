package io.nvmedirect.transport;

/** Told once when a command has ended. */
@FunctionalInterface
public interface CompletionListener {

  /**
   * The command has ended, and the device no longer uses its buffer. Runs on the thread that
   * delivers, outside every lock, and may submit.
   *
   * @param status the status field, 0 for success
   * @param result DW0 of the completion
   */
  void onCompletion(int status, int result);
}
