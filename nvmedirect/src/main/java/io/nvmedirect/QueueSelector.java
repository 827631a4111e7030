package io.nvmedirect;

/** Chooses the queue of each command of a multi-queue handle. */
@FunctionalInterface
public interface QueueSelector {

  /**
   * Chooses one of the handle's queues. Called per command, after an operation is split at the
   * device's limits; on the thread that submits.
   *
   * @param opcode the NVMe opcode: 1 write, 2 read
   * @param position of the first byte
   * @param lengthBytes of the command
   * @return one of the queues that the handle was made with; anything else fails the operation
   */
  NvmeQueue select(NvmeHandle handle, int opcode, long position, int lengthBytes);
}
