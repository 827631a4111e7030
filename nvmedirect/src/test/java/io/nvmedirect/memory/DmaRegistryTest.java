package io.nvmedirect.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DmaRegistryTest {

  private final DmaBufferTest.CountingMapper mapper = new DmaBufferTest.CountingMapper();
  private final DmaRegistry registry = new DmaRegistry(mapper);

  private DmaBuffer mapped(MemorySegment memory) throws IOException {
    return Objects.requireNonNull(registry.acquire(memory));
  }

  @Test
  void acquire_ofASliceOfABuffer_findsTheBuffer() throws IOException {
    try (DmaBuffer a = registry.allocate(8192);
        DmaBuffer b = registry.allocate(4096)) {
      MemorySegment slice = a.segment().asSlice(4096, 512);
      DmaBuffer found = registry.acquire(slice);
      assertThat(found).isSameAs(a);
      assertThat(DmaRegistry.offset(a, slice)).isEqualTo(4096);
      a.release();
      assertThat(registry.acquire(b.segment())).isSameAs(b);
      b.release();
      assertThat(mapper.mapped).hasValue(2);
    }
  }

  @Test
  void acquire_ofHeapConfinedGlobalOrMisaligned_isNull() throws IOException {
    assertThat(registry.acquire(MemorySegment.ofArray(new byte[4096]))).isNull();
    assertThat(registry.acquire(Arena.global().allocate(512, 8))).isNull();
    try (Arena confined = Arena.ofConfined();
        Arena shared = Arena.ofShared()) {
      assertThat(registry.acquire(confined.allocate(512, 8))).isNull();
      assertThat(registry.acquire(shared.allocate(1024, 8).asSlice(1, 512))).isNull();
    }
    assertThat(mapper.mapped).hasValue(0);
  }

  /** The file system would not know of what a device writes, and a file may get shorter. */
  @Test
  void acquire_ofMappedFile_isNull(@TempDir Path directory) throws IOException {
    try (FileChannel file =
        FileChannel.open(
            directory.resolve("file"),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      MemorySegment mapped = file.map(FileChannel.MapMode.READ_WRITE, 0, 8192, Arena.ofAuto());
      assertThat(registry.acquire(mapped.asSlice(4096))).isNull();
      MappedByteBuffer buffer = file.map(FileChannel.MapMode.READ_WRITE, 0, 8192);
      assertThat(registry.acquire(MemorySegment.ofBuffer(buffer))).isNull();
    }
    assertThat(mapper.mapped).hasValue(0);
  }

  /** A device would write on to memory that has gone back to the system. */
  @Test
  void acquire_forADeviceThatDoesNotNotice_mapsNothingThatCanBeClosed() throws IOException {
    DmaBufferTest.CountingMapper unaware =
        new DmaBufferTest.CountingMapper() {
          @Override
          public boolean canMap(MemorySegment memory) {
            return Lifetime.isUntilUnreachable(memory);
          }
        };
    DmaRegistry safe = new DmaRegistry(unaware);
    try (Arena arena = Arena.ofShared()) {
      assertThat(safe.acquire(arena.allocate(4096, 8))).isNull();
    }
    assertThat(unaware.mapped).hasValue(0);
    Objects.requireNonNull(safe.acquire(Arena.ofAuto().allocate(4096, 8))).release();
    Objects.requireNonNull(safe.acquire(MemorySegment.ofBuffer(ByteBuffer.allocateDirect(4096))))
        .release();
    assertThat(unaware.mapped).hasValue(2);
    safe.close();
  }

  /** As where the limit of locked memory is too low: the data is copied then. */
  @Test
  void acquire_ofMemoryThatCannotBeMapped_isNull() {
    DmaRegistry refused =
        new DmaRegistry(
            new DmaBufferTest.CountingMapper() {
              @Override
              public long map(MemorySegment memory) throws IOException {
                throw new IOException("no more memory may be locked");
              }
            });
    assertThat(refused.acquire(Arena.ofAuto().allocate(4096, 8))).isNull();
  }

  /** As with a limit of locked memory that mappings of the application's memory have used up. */
  @Test
  void allocate_withoutRoom_dropsMappingsThatNobodyUses() throws IOException {
    DmaBufferTest.CountingMapper small =
        new DmaBufferTest.CountingMapper() {
          @Override
          public long map(MemorySegment memory) throws IOException {
            if (mapped.get() == 2) {
              throw new IOException("no more memory may be locked");
            }
            return super.map(memory);
          }
        };
    DmaRegistry limited = new DmaRegistry(small);
    for (int i = 0; i < 2; i++) {
      Objects.requireNonNull(limited.acquire(Arena.ofAuto().allocate(4096, 8))).release();
    }
    try (DmaBuffer a = limited.allocate(4096);
        DmaBuffer b = limited.allocate(4096)) {
      assertThat(small.mapped).hasValue(2);
      assertThatThrownBy(() -> limited.allocate(4096)).hasMessageContaining("locked");
      assertThat(limited.acquire(a.segment())).isSameAs(a);
      a.release();
      assertThat(b.isInUse()).isFalse();
    }
    assertThat(small.mapped).hasValue(0);
  }

  @Test
  void acquire_ofSharedMemory_mapsOnce() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(8192, 4);
      DmaBuffer first = mapped(memory);
      DmaBuffer second = mapped(memory.asSlice(4, 512));
      assertThat(first).isSameAs(second);
      assertThat(mapper.mapped).hasValue(1);
      first.release();
      second.release();
    }
  }

  @Test
  void acquire_ofAnotherArenaAtTheSameAddress_mapsAnew() throws IOException {
    try (DmaBuffer owner = DmaBuffer.allocate(mapper, 4096)) {
      long address = owner.segment().address();
      try (Arena first = Arena.ofShared();
          Arena second = Arena.ofShared()) {
        DmaBuffer a = mapped(at(address, first));
        DmaBuffer b = mapped(at(address, second));
        assertThat(b).isNotSameAs(a);
        a.release();
        b.release();
      }
    }
  }

  @SuppressWarnings("restricted")
  private static MemorySegment at(long address, Arena arena) {
    return MemorySegment.ofAddress(address).reinterpret(4096, arena, null);
  }

  @Test
  void mappings_areFew() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      for (int i = 0; i < 1000; i++) {
        DmaBuffer buffer = mapped(arena.allocate(64, 8));
        buffer.release();
      }
      assertThat(mapper.mapped.get()).isBetween(1, 130);
    }
    registry.close();
    assertThat(mapper.mapped).hasValue(0);
  }

  @Test
  void deadMappingsAndClosedBuffers_areDropped() throws IOException {
    for (int i = 0; i < 300; i++) {
      try (Arena arena = Arena.ofShared();
          DmaBuffer owned = registry.allocate(4096)) {
        DmaBuffer mapping = mapped(arena.allocate(64, 8));
        mapping.release();
        assertThat(owned.isClosed()).isFalse();
      }
    }
    // The last of each is dropped with the next addition.
    assertThat(mapper.mapped.get()).isLessThanOrEqualTo(2);
  }
}
