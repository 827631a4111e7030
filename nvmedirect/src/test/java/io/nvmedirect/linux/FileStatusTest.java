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
    assertThat(FileStatus.of(directory.resolve("missing").toString())).isNull();
  }
}
