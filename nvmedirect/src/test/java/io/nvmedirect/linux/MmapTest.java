package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MmapTest {

  @Test
  void anonymous_isZeroAlignedAndGivenBack() throws IOException {
    MemorySegment memory;
    try (Arena arena = Arena.ofShared()) {
      memory = Mmap.anonymous(4L << 20, arena);
      assertThat(memory.address() % 4096).isZero();
      assertThat(memory.byteSize()).isEqualTo(4L << 20);
      assertThat(memory.get(ValueLayout.JAVA_LONG, (4L << 20) - 8)).isZero();
      memory.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
    }
    assertThat(memory.scope().isAlive()).isFalse();
  }

  @Test
  void anonymous_largerThanMemory_takesNoSpaceUntilWritten() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = Mmap.anonymous(1L << 42, arena);
      memory.set(ValueLayout.JAVA_BYTE, (1L << 42) - 1, (byte) 1);
      assertThat(memory.get(ValueLayout.JAVA_BYTE, 1L << 41)).isZero();
    }
  }

  @Test
  void anonymous_ofAPartOfAPage_isRefused() {
    assertThatThrownBy(() -> Mmap.anonymous(100, Arena.ofAuto()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("lengthBytes=100");
  }

  @Test
  void anonymous_beyondTheAddressSpace_failsWithTheReason() {
    assertThatThrownBy(() -> Mmap.anonymous(1L << 60, Arena.ofAuto()))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("ENOMEM");
  }

  @Test
  void discard_zeroesWholePagesOnly() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = Mmap.anonymous(3 * 4096, arena);
      memory.fill((byte) 1);
      Mmap.discard(memory, 4096, 4096);
      assertThat(memory.get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) 1);
      assertThat(memory.asSlice(4096, 4096).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
      assertThat(memory.get(ValueLayout.JAVA_BYTE, 8192)).isEqualTo((byte) 1);
    }
  }

  @Test
  void shared_writesAreInTheFile(@TempDir Path dir) throws Exception {
    Path path = dir.resolve("a");
    try (NativeFile file = NativeFile.create(path);
        Arena arena = Arena.ofShared()) {
      file.truncate(8192);
      MemorySegment memory = Mmap.shared(file, 4096, 4096, arena);
      memory.set(ValueLayout.JAVA_INT, 8, 0x01020304);
      assertThat(Files.readAllBytes(path)).hasSize(8192).containsSequence(4, 3, 2, 1);
      assertThatThrownBy(() -> Mmap.shared(file, 1, 4096, arena))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("mmap of 4096 bytes at offset 1 of")
          .hasMessageContaining("EINVAL");
    }
  }

  @Test
  void hugePages_noneFree_isNull() {
    try (Arena arena = Arena.ofShared()) {
      // 2^46 bytes: no machine has as many.
      assertThat(Mmap.hugePages(1L << 46, arena)).isNull();
      assertThatThrownBy(() -> Mmap.hugePages(4096, arena))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("lengthBytes=4096");
    }
  }
}
