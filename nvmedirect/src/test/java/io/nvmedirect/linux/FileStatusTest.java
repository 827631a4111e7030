package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileStatusTest {

  @TempDir Path directory;

  @Test
  void node_hasTheNumberOfItsDevice() throws Exception {
    FileStatus zero = Objects.requireNonNull(FileStatus.of("/dev/zero"));
    assertThat(zero.isCharacterDevice()).isTrue();
    assertThat(zero.isBlockDevice()).isFalse();
    assertThat(zero.major()).isEqualTo(1);
    assertThat(zero.minor()).isEqualTo(5);
    assertThat(zero.mode()).isEqualTo(Files.getAttribute(Path.of("/dev/zero"), "unix:mode"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("/dev/zero"));
    assertThat(FileStatus.of(link.toString())).isEqualTo(zero);
  }

  @Test
  void otherFile_isNoDevice() throws Exception {
    Path file = Files.createFile(directory.resolve("a file"));
    FileStatus status = Objects.requireNonNull(FileStatus.of(file.toString()));
    assertThat(status.isBlockDevice() || status.isCharacterDevice()).isFalse();
    assertThat(status.isRegularFile()).isTrue();
    assertThat(status.inode()).isEqualTo(Files.getAttribute(file, "unix:ino"));
    long host = (long) Files.getAttribute(file, "unix:dev");
    assertThat(status.hostMinor()).isEqualTo((int) ((host & 0xFF) | ((host >>> 12) & 0xFFF00)));
    assertThat(status.hostMajor()).isEqualTo((int) (host >>> 8) & 0xFFF);
    Path hard = Files.createLink(directory.resolve("hard"), file);
    assertThat(FileStatus.of(hard.toString())).isEqualTo(status);
    assertThat(FileStatus.of(directory.resolve("missing").toString())).isNull();
  }
}
