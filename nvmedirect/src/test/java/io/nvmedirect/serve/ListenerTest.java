package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ListenerTest {

  @TempDir Path directory;

  @Test
  void close_deletesTheSocket() throws Exception {
    Path path = directory.resolve("s");
    Listener listener = Listener.open(path);
    assertThat(path).exists();
    listener.close();
    assertThat(path).doesNotExist();
    listener.close();
  }

  @Test
  void close_fileOfSomebodyElse_stays() throws Exception {
    Path path = directory.resolve("s");
    try (Listener _ = Listener.open(path)) {
      Files.move(path, directory.resolve("moved"));
      Files.writeString(path, "mine");
    }
    assertThat(path).hasContent("mine");
  }

  @Test
  void open_file_isRefused() throws Exception {
    Path path = Files.writeString(directory.resolve("s"), "mine");
    assertThatThrownBy(() -> Listener.open(path))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining("no socket");
    assertThat(path).hasContent("mine");
  }

  @Test
  void open_danglingLink_isRefused() throws Exception {
    Path path = Files.createSymbolicLink(directory.resolve("s"), directory.resolve("nothing"));
    assertThatThrownBy(() -> Listener.open(path)).hasMessageContaining("no socket");
    assertThat(Files.isSymbolicLink(path)).isTrue();
  }

  @Test
  void open_socketInUse_isRefused() throws Exception {
    Path path = directory.resolve("s");
    try (Listener _ = Listener.open(path)) {
      assertThatThrownBy(() -> Listener.open(path))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("somebody else listens");
      assertThat(path).exists();
    }
  }

  /** Whoever listens there has stopped to accept. */
  @Test
  void open_socketInUse_andFull_isRefused() throws Exception {
    Path path = directory.resolve("s");
    List<UnixSocket> waiting = new ArrayList<>();
    try (UnixSocket _ = UnixSocket.listen(path)) {
      assertThatThrownBy(
              () -> {
                while (true) {
                  waiting.add(UnixSocket.connect(path, TimeUnit.MILLISECONDS.toNanos(20)));
                }
              })
          .hasMessageContaining("EAGAIN");
      assertThatThrownBy(() -> Listener.open(path))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("somebody else listens");
      assertThat(path).exists();
    } finally {
      waiting.forEach(UnixSocket::close);
    }
  }

  @Test
  void open_socketOfAKilledServer_isReplaced() throws Exception {
    Path path = directory.resolve("s");
    UnixSocket.listen(path).close();
    assertThat(path).as("left behind").exists();
    try (Listener listener = Listener.open(path);
        UnixSocket _ = UnixSocket.connect(path, RawClient.LIMIT_NS);
        UnixSocket accepted = listener.accept()) {
      assertThat(accepted.fd()).isPositive();
    }
    assertThat(path).doesNotExist();
  }

  @Test
  void open_noDirectory_saysWhichPath() {
    Path path = directory.resolve("not/there");
    assertThatThrownBy(() -> Listener.open(path))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(path.toString());
  }
}
