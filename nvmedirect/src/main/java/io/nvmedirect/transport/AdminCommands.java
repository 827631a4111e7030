package io.nvmedirect.transport;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Executes admin commands one at a time; what a transport asks of the driver to make queues. */
@FunctionalInterface
public interface AdminCommands {

  /** Writes a command into a submission queue entry. */
  @FunctionalInterface
  interface Encoder {
    void encode(MemorySegment ring, long offset);
  }

  /**
   * Executes a command and waits for its completion.
   *
   * @param what the command, for messages
   * @param data its data buffer, from the start
   * @param lengthBytes bytes of {@code data} that the command transfers
   * @return DW0 of the completion
   * @throws io.nvmedirect.spec.NvmeException if it fails
   */
  int execute(String what, Encoder command, @Nullable DmaBuffer data, long lengthBytes)
      throws IOException;
}
