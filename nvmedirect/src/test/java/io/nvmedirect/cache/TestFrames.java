package io.nvmedirect.cache;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Allocates page memory until a limit, and counts what lives. */
final class TestFrames implements FrameAllocator {

  private final DmaMapper mapper =
      new DmaMapper() {
        @Override
        public long map(MemorySegment memory) {
          return memory.address();
        }

        @Override
        public void unmap(long iova) {}
      };

  private final List<DmaBuffer> buffers = new ArrayList<>();
  long limitBytes = Long.MAX_VALUE;

  @Override
  public DmaBuffer allocate(long lengthBytes) throws IOException {
    if (liveBytes() + lengthBytes > limitBytes) {
      throw new IOException("no memory");
    }
    DmaBuffer buffer = DmaBuffer.allocate(mapper, lengthBytes);
    buffer.segment().fill((byte) 0xDD);
    buffers.add(buffer);
    return buffer;
  }

  long liveBytes() {
    return buffers.stream().filter(b -> !b.isClosed()).mapToLong(DmaBuffer::byteSize).sum();
  }
}
