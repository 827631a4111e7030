package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that have no name, for sharing by descriptor. */
class MemoryFileTest {

  @Test
  void inMemory_isZero_andSharedByAllWhoMapIt() throws Exception {
    try (NativeFile file = NativeFile.inMemory("test", 8192);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.size()).isEqualTo(8192);
      MemorySegment one = Mmap.shared(file, 0, 8192, arena);
      MemorySegment other = Mmap.shared(file, 4096, 4096, arena);
      assertThat(one.mismatch(MemorySegment.ofArray(new byte[8192]))).isEqualTo(-1);
      one.set(ValueLayout.JAVA_INT, 4096, 42);
      assertThat(other.get(ValueLayout.JAVA_INT, 0)).isEqualTo(42);
      MemorySegment read = arena.allocate(ValueLayout.JAVA_INT);
      file.read(read, 4096);
      assertThat(read.get(ValueLayout.JAVA_INT, 0)).isEqualTo(42);
    }
  }

  @Test
  void inMemory_keepsItsSize() throws Exception {
    try (NativeFile file = NativeFile.inMemory("test", 8192)) {
      assertThatThrownBy(() -> file.truncate(4096)).hasMessageContaining("EPERM");
      assertThatThrownBy(() -> file.truncate(12_288)).hasMessageContaining("EPERM");
      assertThat(file.size()).isEqualTo(8192);
      assertThat(file.keepFromShrinking()).isTrue();
    }
  }

  @Test
  void keepFromShrinking_ofAnotherKindOfFile_isFalse(@TempDir Path directory) throws Exception {
    try (NativeFile file = NativeFile.create(directory.resolve("a"))) {
      file.truncate(4096);
      if (!file.keepFromShrinking()) {
        file.truncate(0);
        assertThat(file.size()).isZero();
      } else {
        assertThatThrownBy(() -> file.truncate(0)).as("on tmpfs").hasMessageContaining("EPERM");
      }
    }
  }

  @Test
  void inMemory_ofANegativeSize_fails() {
    assertThatThrownBy(() -> NativeFile.inMemory("test", -1))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("EINVAL");
  }
}
