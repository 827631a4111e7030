package io.nvmedirect.vmtest.guest;

import io.nvmedirect.memory.DmaMapper;
import java.lang.foreign.MemorySegment;

/** Says of any memory that the device sees it at one address; maps nothing. */
record FixedAddress(long iova) implements DmaMapper {

  @Override
  public long map(MemorySegment memory) {
    return iova;
  }

  @Override
  public void unmap(long address) {}
}
