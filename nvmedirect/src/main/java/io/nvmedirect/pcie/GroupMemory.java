package io.nvmedirect.pcie;

import io.nvmedirect.memory.DmaMapper;

/** What the devices of a group reach of the process's memory. */
interface GroupMemory extends DmaMapper {

  /** Ends all of it; the group's devices are closed. */
  void close();
}
