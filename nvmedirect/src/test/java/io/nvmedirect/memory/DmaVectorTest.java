package io.nvmedirect.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class DmaVectorTest {

  private final DmaMapper mapper =
      new DmaMapper() {
        @Override
        public long map(MemorySegment memory) {
          return memory.address() + (1L << 48);
        }

        @Override
        public void unmap(long iova) {}
      };

  private final DmaRegistry registry = new DmaRegistry(mapper);
  private final DmaVector vector = new DmaVector();

  @Test
  void pieces_areFoundByOffset() throws IOException {
    try (DmaBuffer buffer = registry.allocate(1 << 20)) {
      long size = 0;
      for (int i = 0; i < 100; i++) {
        MemorySegment part = buffer.segment().asSlice(i * 4096L + i, 10 + i);
        assertThat(vector.add(registry, part, 1)).isTrue();
        assertThat(vector.start(i)).isEqualTo(size);
        assertThat(vector.iova(i)).isEqualTo(buffer.iova(i * 4096L + i));
        size += 10 + i;
        assertThat(vector.end(i)).isEqualTo(size);
      }
      assertThat(vector.pieces()).isEqualTo(100);
      assertThat(vector.byteSize()).isEqualTo(size);
      for (int i = 0; i < 100; i++) {
        assertThat(vector.pieceAt(vector.start(i))).isEqualTo(i);
        assertThat(vector.pieceAt(vector.end(i) - 1)).isEqualTo(i);
      }
      vector.release();
    }
  }

  @Test
  void buffers_areHeldUntilTheyAreReleased() throws IOException {
    DmaBuffer first = registry.allocate(4096);
    DmaBuffer second = registry.allocate(4096);
    for (int i = 0; i < 20; i++) {
      assertThat(vector.add(registry, (i % 2 == 0 ? first : second).segment(), 4)).isTrue();
    }
    first.close();
    second.close();
    assertThat(first.segment().scope().isAlive()).isTrue();
    assertThatThrownBy(() -> vector.add(registry, first.segment(), 4))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    vector.release();
    assertThat(first.segment().scope().isAlive()).isFalse();
    assertThat(second.segment().scope().isAlive()).isFalse();
    assertThat(vector.byteSize()).isZero();
    vector.release();
    vector.forget();
  }

  @Test
  void buffersOfALostDevice_areHeldForGood() throws IOException {
    DmaBuffer buffer = registry.allocate(4096);
    vector.add(registry, buffer.segment(), 4);
    vector.abandon();
    vector.release();
    buffer.close();
    assertThat(buffer.segment().scope().isAlive()).isTrue();
  }

  @Test
  void memoryThatIsNotReached_isNotAdded() throws IOException {
    try (DmaBuffer buffer = registry.allocate(4096);
        Arena shared = Arena.ofShared()) {
      assertThat(vector.add(registry, MemorySegment.ofArray(new byte[512]), 1)).isFalse();
      assertThat(vector.add(registry, buffer.segment().asSlice(0, 512), 4)).isTrue();
      assertThat(vector.add(registry, buffer.segment().asSlice(1, 512), 4)).isFalse();
      assertThat(vector.add(registry, buffer.segment().asSlice(1, 512), 1)).isTrue();
      assertThat(vector.add(registry, shared.allocate(512, 4), 1)).isFalse();
      assertThat(vector.add(registry, Arena.ofAuto().allocate(511).asSlice(3), 1)).isTrue();
      assertThat(vector.byteSize()).isEqualTo(2 * 512 + 508);
      vector.release();
    }
  }

  /** Memory at the address of a mapping whose arena is gone is other memory. */
  @Test
  @SuppressWarnings("restricted")
  void memoryOfAnotherScope_isNotTheLastBuffers() {
    MemorySegment memory = Arena.ofAuto().allocate(8192, 4096);
    assertThat(vector.add(registry, memory, 4)).isTrue();
    try (Arena other = Arena.ofShared()) {
      MemorySegment same = MemorySegment.ofAddress(memory.address()).reinterpret(4096, other, null);
      assertThat(vector.add(registry, same, 4)).isFalse();
    }
    vector.release();
  }
}
