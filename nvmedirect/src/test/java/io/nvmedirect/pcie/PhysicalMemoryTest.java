package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Memory without an IOMMU, on a machine of few huge pages, all of them in a row. */
@SuppressWarnings("restricted") // memory at addresses of its own
class PhysicalMemoryTest {

  private static final long HUGE = Mmap.HUGE_PAGE_BYTES;
  private static final long FRAMES = 1L << 40;

  /** Pages of 2 MiB that are free. */
  private long free = 8;

  private boolean scattered;
  private final PhysicalMemory memory = new PhysicalMemory(this::reserve, this::physicalAddress);

  private @Nullable MemorySegment reserve(long lengthBytes, Arena owner) {
    long pages = lengthBytes / HUGE;
    if (pages > free) {
      return null;
    }
    free -= pages;
    try {
      MemorySegment mapped = Mmap.anonymous(lengthBytes, owner);
      return MemorySegment.ofAddress(mapped.address())
          .reinterpret(lengthBytes, owner, m -> free += pages);
    } catch (LinuxException e) {
      throw new IllegalStateException(e);
    }
  }

  private long physicalAddress(long address) {
    return (scattered ? -address : address) + FRAMES;
  }

  private DmaBuffer allocate(long lengthBytes) throws IOException {
    return DmaBuffer.allocate(memory, lengthBytes);
  }

  @Test
  void smallBuffers_shareAPageAndDoNotOverlap() throws IOException {
    List<DmaBuffer> buffers = new ArrayList<>();
    for (int i = 0; i < 512; i++) {
      DmaBuffer buffer = allocate(4096);
      assertThat(buffer.iova(0)).isEqualTo(buffer.segment().address() + FRAMES);
      buffer.segment().fill((byte) i);
      buffers.add(buffer);
    }
    assertThat(free).isEqualTo(7);
    for (int i = 0; i < 512; i++) {
      assertThat(buffers.get(i).segment().get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) i);
    }
    buffers.get(3).close();
    DmaBuffer again = allocate(4096);
    assertThat(again.segment().mismatch(MemorySegment.ofArray(new byte[4096]))).isEqualTo(-1);
    assertThat(free).isEqualTo(7);
  }

  @Test
  void close_buffersAreLeft_pagesGoBackWithTheLast() throws IOException {
    DmaBuffer first = allocate(4096);
    DmaBuffer second = allocate(HUGE);
    DmaBuffer large = allocate(3 * HUGE);
    assertThat(free).isEqualTo(3);
    memory.close();
    large.close();
    second.close();
    first.segment().fill((byte) 1);
    first.close();
    assertThat(free).isEqualTo(8);
    memory.close();
    assertThat(free).isEqualTo(8);
  }

  @Test
  void allocate_afterClose_isRefused() {
    memory.close();
    assertThatThrownBy(() -> allocate(4096)).isInstanceOf(IOException.class);
    assertThat(free).isEqualTo(8);
  }

  @Test
  void largeBuffer_afterItsEnd_isNotMapped() throws IOException {
    DmaBuffer large = allocate(2 * HUGE);
    assertThat(large.iova(HUGE)).isEqualTo(large.segment().address() + HUGE + FRAMES);
    MemorySegment ended = MemorySegment.ofAddress(large.segment().address()).reinterpret(4096);
    assertThat(memory.map(ended)).isEqualTo(large.iova(0));
    large.close();
    assertThat(free).isEqualTo(8);
    assertThatThrownBy(() -> memory.map(ended)).isInstanceOf(NvmeException.class);
  }

  @Test
  void scatteredPages_largeBufferIsRefusedAndGivenBack() throws IOException {
    scattered = true;
    assertThatThrownBy(() -> allocate(2 * HUGE))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("contiguous");
    assertThat(free).isEqualTo(8);
    try (DmaBuffer small = allocate(4096)) {
      assertThat(small.byteSize()).isEqualTo(4096);
    }
  }

  @Test
  void noFreePage_saysHowManyAreNeeded() {
    assertThatThrownBy(() -> allocate(9 * HUGE))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("9 more of 2 MiB");
    assertThat(free).isEqualTo(8);
  }
}
