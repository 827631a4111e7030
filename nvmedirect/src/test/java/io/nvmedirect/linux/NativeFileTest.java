package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeFileTest {

  @TempDir Path directory;

  private static MemorySegment bytes(Arena arena, int length, int value) {
    MemorySegment segment = arena.allocate(length);
    segment.fill((byte) value);
    return segment;
  }

  @Test
  void write_isWhatJavaReads() throws IOException {
    Path path = directory.resolve("a");
    try (NativeFile file = NativeFile.create(path);
        Arena arena = Arena.ofConfined()) {
      file.truncate(10_000);
      file.write(bytes(arena, 100, 7), 5_000);
      file.force();
      assertThat(file.size()).isEqualTo(10_000);
    }
    byte[] all = Files.readAllBytes(path);
    assertThat(all).hasSize(10_000);
    assertThat(all[4_999]).isZero();
    assertThat(all[5_000]).isEqualTo((byte) 7);
    assertThat(all[5_099]).isEqualTo((byte) 7);
    assertThat(all[5_100]).isZero();
  }

  @Test
  void read_atTheEnd_isShort() throws IOException {
    Path path = directory.resolve("a");
    Files.write(path, new byte[] {1, 2, 3});
    try (NativeFile file = NativeFile.open(path);
        Arena arena = Arena.ofConfined()) {
      MemorySegment to = arena.allocate(8);
      assertThat(file.read(to, 1)).isEqualTo(2);
      assertThat(to.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 2);
      assertThat(file.read(to, 3)).isZero();
    }
  }

  @Test
  void open_ofNothing_namesPathAndReason() {
    Path missing = directory.resolve("missing");
    assertThatThrownBy(() -> NativeFile.open(missing))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining(missing.toString())
        .hasMessageContaining("ENOENT");
    assertThatThrownBy(() -> NativeFile.create(directory.resolve("no/such/directory")))
        .isInstanceOf(LinuxException.class);
  }

  @Test
  void create_ofWhatExists_isRefusedAndUntouched() throws IOException {
    Path path = directory.resolve("a");
    Files.write(path, new byte[] {1});
    assertThatThrownBy(() -> NativeFile.create(path)).isInstanceOf(LinuxException.class);
    assertThat(Files.readAllBytes(path)).containsExactly(1);
  }

  @Test
  void tryLock_keepsOthersOut_untilClose() throws IOException {
    Path path = directory.resolve("a");
    Files.write(path, new byte[1]);
    NativeFile first = NativeFile.open(path);
    assertThat(first.tryLock()).isTrue();
    try (NativeFile second = NativeFile.open(path)) {
      assertThat(second.tryLock()).isFalse();
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
        assertThat(channel.tryLock()).isNull();
      }
      first.close();
      first.close();
      assertThat(second.tryLock()).isTrue();
    }
  }

  @Test
  void punchHole_readsAsZeroes() throws IOException {
    Path path = directory.resolve("a");
    try (NativeFile file = NativeFile.create(path);
        Arena arena = Arena.ofConfined()) {
      file.write(bytes(arena, 65_536, 9), 0);
      if (file.punchHole(4096, 8192)) {
        MemorySegment read = arena.allocate(65_536);
        assertThat(file.read(read, 0)).isEqualTo(65_536);
        assertThat(read.get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo((byte) 9);
        assertThat(read.asSlice(4096, 8192).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        assertThat(read.get(ValueLayout.JAVA_BYTE, 4096 + 8192)).isEqualTo((byte) 9);
      } else {
        MemorySegment read = arena.allocate(65_536);
        file.read(read, 0);
        assertThat(read.toArray(ValueLayout.JAVA_BYTE)).as("unchanged").containsOnly(9);
      }
      assertThat(file.size()).isEqualTo(65_536);
    }
  }

  @Test
  void write_beyondTheLargestFile_failsWithTheReason() throws IOException {
    try (NativeFile file = NativeFile.create(directory.resolve("a"));
        Arena arena = Arena.ofConfined()) {
      MemorySegment data = bytes(arena, 512, 1);
      assertThatThrownBy(() -> file.write(data, Long.MAX_VALUE - 512))
          .isInstanceOfSatisfying(
              LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EFBIG))
          .hasMessageContaining("512 bytes");
    }
  }
}
