package io.nvmedirect.compat;

import org.jspecify.annotations.Nullable;

/** Chooses the queue of each command of a multi-queue handle. */
@FunctionalInterface
public interface NVMED_MQ_SELECTOR {

  /**
   * Chooses one of the handle's queues. Called per command, after an operation is split at the
   * device's limits; on the thread that submits.
   *
   * @param opcode the NVMe opcode: 1 write, 2 read
   * @param offs of the first byte
   * @param len bytes of the command
   * @return one of the queues that the handle was made with; anything else fails the call
   */
  @Nullable NVMED_QUEUE select(NVMED_HANDLE handle, byte opcode, long offs, int len);
}
