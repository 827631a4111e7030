package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
@SuppressWarnings("try") // closing early is what some tests are about
class UnixSocketTest {

  private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);

  @TempDir Path directory;

  private final Arena arena = Arena.ofConfined();
  private final ArrayDeque<Integer> fds = new ArrayDeque<>();
  private long before;

  private static long openFds() throws Exception {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  @BeforeEach
  void count() throws Exception {
    before = openFds();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    arena.close();
    assertThat(openFds()).isEqualTo(before);
  }

  private MemorySegment bytes(int... values) {
    MemorySegment segment = arena.allocate(values.length);
    for (int i = 0; i < values.length; i++) {
      segment.set(ValueLayout.JAVA_BYTE, i, (byte) values[i]);
    }
    return segment;
  }

  private void closeReceived() {
    while (!fds.isEmpty()) {
      NativeFile.adopt(directory, fds.removeFirst()).close();
    }
  }

  @Test
  void connect_exchangesBytes() throws Exception {
    Path path = directory.resolve("s");
    try (UnixSocket listener = UnixSocket.listen(path);
        UnixSocket client = UnixSocket.connect(path, LIMIT_NS);
        UnixSocket server = listener.accept()) {
      MemorySegment into = arena.allocate(8);
      assertThat(server.receive(into, false, fds)).isEqualTo(UnixSocket.WOULD_BLOCK);
      assertThat(server.awaitReadable(0)).isFalse();
      assertThat(client.send(bytes(1, 2, 3), true)).isEqualTo(3);
      assertThat(server.awaitReadable(LIMIT_NS)).isTrue();
      assertThat(server.receive(into, true, fds)).isEqualTo(3);
      assertThat(into.get(ValueLayout.JAVA_BYTE, 2)).isEqualTo((byte) 3);
      client.close();
      assertThat(server.receive(into, true, fds)).as("the end").isZero();
      assertThatThrownBy(() -> server.send(bytes(1), true))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("EPIPE");
    }
  }

  /** Nobody is accepted, so that there is no place any more. */
  @Test
  void connect_manyWait_endsInTime_orWhenThereIsAPlace() throws Exception {
    Path path = directory.resolve("s");
    List<UnixSocket> waiting = new ArrayList<>();
    try (UnixSocket listener = UnixSocket.listen(path)) {
      assertThatThrownBy(
              () -> {
                while (true) {
                  waiting.add(UnixSocket.connect(path, TimeUnit.MILLISECONDS.toNanos(20)));
                }
              })
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining(path.toString())
          .hasMessageContaining("EAGAIN");
      assertThat(waiting).isNotEmpty();
      FutureTask<UnixSocket> late = new FutureTask<>(() -> UnixSocket.connect(path, LIMIT_NS));
      Thread.ofPlatform().daemon().start(late);
      listener.accept().close();
      // Sending has no limit of time then.
      try (UnixSocket client = late.get()) {
        assertThat(client.send(bytes(1), true)).isEqualTo(1);
      }
    } finally {
      waiting.forEach(UnixSocket::close);
    }
  }

  @Test
  void descriptors_arrive_andAreTheSameFile() throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    try (UnixSocket one = pair[0];
        UnixSocket other = pair[1];
        NativeFile file = NativeFile.inMemory("passed", 4096)) {
      file.write(bytes(5, 6), 100);
      assertThat(one.send(bytes(1, 2), true, file.fd(), file.fd())).isEqualTo(2);
      MemorySegment into = arena.allocate(1);
      assertThat(other.receive(into, true, fds)).isEqualTo(1);
      assertThat(fds).as("with the first byte").hasSize(2).doesNotContain(file.fd());
      assertThat(other.receive(into, true, fds)).isEqualTo(1);
      try (NativeFile passed = NativeFile.adopt(directory, fds.removeFirst())) {
        MemorySegment read = arena.allocate(2);
        passed.read(read, 100);
        assertThat(read.mismatch(bytes(5, 6))).isEqualTo(-1);
      }
      closeReceived();
    }
  }

  @Test
  void descriptors_asManyAsTheKernelPasses_arrive() throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    try (UnixSocket one = pair[0];
        UnixSocket other = pair[1]) {
      int[] many = new int[UnixSocket.MAX_FDS];
      Arrays.fill(many, one.fd());
      assertThat(one.send(bytes(1), true, many)).isEqualTo(1);
      assertThat(other.receive(arena.allocate(1), true, fds)).isEqualTo(1);
      assertThat(fds).hasSize(UnixSocket.MAX_FDS);
      closeReceived();
      int[] tooMany = new int[UnixSocket.MAX_FDS + 1];
      Arrays.fill(tooMany, one.fd());
      assertThatThrownBy(() -> one.send(bytes(1), true, tooMany))
          .isInstanceOf(LinuxException.class);
    }
  }

  @Test
  void send_withoutRoom_wouldBlock() throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    try (UnixSocket one = pair[0];
        UnixSocket other = pair[1]) {
      MemorySegment block = arena.allocate(64 << 10);
      long sent = 0;
      for (long n = 0; n != UnixSocket.WOULD_BLOCK; n = one.send(block, false)) {
        sent += n;
      }
      assertThat(sent).isPositive();
      assertThat(one.awaitWritable(0)).isFalse();
      while (sent > 0) {
        sent -= other.receive(block, true, fds);
      }
      assertThat(sent).isZero();
      assertThat(one.awaitWritable(LIMIT_NS)).isTrue();
    }
  }

  @Test
  void shutdown_wakesWhoReceives() throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    try (UnixSocket one = pair[0];
        UnixSocket other = pair[1];
        Arena shared = Arena.ofShared()) {
      MemorySegment into = shared.allocate(1);
      long[] received = {-1};
      Thread receiver =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  received[0] = one.receive(into, true, new ArrayDeque<>());
                } catch (LinuxException e) {
                  received[0] = -2;
                }
              });
      one.shutdown();
      receiver.join();
      assertThat(received[0]).isZero();
      assertThat(other.receive(arena.allocate(1), true, fds)).isZero();
    }
  }

  @Test
  void open_thatFails_saysWhy() throws Exception {
    Path path = directory.resolve("s");
    assertThatThrownBy(() -> UnixSocket.connect(path, LIMIT_NS))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining("ENOENT");
    UnixSocket.listen(path).close();
    assertThatThrownBy(() -> UnixSocket.connect(path, LIMIT_NS))
        .hasMessageContaining("ECONNREFUSED");
    assertThatThrownBy(() -> UnixSocket.listen(path)).hasMessageContaining("EADDRINUSE");
    Path longName = directory.resolve("x".repeat(120));
    assertThatThrownBy(() -> UnixSocket.connect(longName, LIMIT_NS))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("107");
  }
}
