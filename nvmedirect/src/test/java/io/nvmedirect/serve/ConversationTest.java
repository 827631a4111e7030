package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.vfiouser.Capabilities;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Plays the client's part of a recorded conversation of SPDK's with itself, and compares the answers. */
@Timeout(300)
class ConversationTest {

  private static final int REGION_INFO = 5;
  private static final int REGION_READ = 9;
  private static final int REGION_WRITE = 10;
  private static final int HEADER = 16;

  /** Of the recorded DMA_MAP. */
  private static final long MEMORY_BYTES = 256 << 20;

  @TempDir Path directory;

  /** A line of the record: who speaks, the descriptors and the bytes. */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares lines
  private record Line(boolean client, int fds, byte[] bytes) {
    static Line parse(String text) {
      String[] words = text.split(" ", -1);
      return new Line(
          words[0].equals("C"),
          Integer.parseInt(words[2].substring("fds=".length())),
          HexFormat.of().parseHex(words[3]));
    }

    int command() {
      return bytes[2];
    }

    ByteBuffer buffer() {
      return ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    }
  }

  static List<String> lines() throws IOException {
    try (var in =
        Objects.requireNonNull(
            ConversationTest.class.getResourceAsStream("/vfio-user/exchange.txt"))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(l -> !l.startsWith("#"))
          .toList();
    }
  }

  /** Bytes of an answer that may differ, which are values of the device and not of the protocol. */
  private static Set<Integer> mayDiffer(Line request, Line answer) {
    Set<Integer> bytes = new TreeSet<>();
    ByteBuffer asked = request.buffer();
    if (answer.command() == REGION_INFO && asked.getInt(HEADER + 8) == 0) {
      // The size of BAR0: SPDK has room for 512 queues there.
      addRange(bytes, HEADER + 16, 8);
    }
    if (answer.command() == REGION_READ && isCommandRegister(request)) {
      // Memory space is on from the beginning, as with the kernel's VFIO.
      addRange(bytes, HEADER + 16, 2);
    }
    if (answer.command() == REGION_READ && asked.getInt(HEADER + 8) == 0) {
      switch ((int) asked.getLong(HEADER)) {
        case 0 -> addRange(bytes, HEADER + 16, 8); // CAP: queue entries, time limit, stride, CSS
        case 8 -> addRange(bytes, HEADER + 16, 4); // VS: SPDK has 2.0
        default -> {}
      }
    }
    return bytes;
  }

  private static boolean isCommandRegister(Line request) {
    ByteBuffer asked = request.buffer();
    return asked.getInt(HEADER + 8) == 7 && asked.getLong(HEADER) == 4;
  }

  /** Of the command register SPDK sets bits, the others being what it has read. */
  private static Line withBitsRead(Line request, short read) {
    byte[] bytes = request.bytes.clone();
    ByteBuffer buffer = new Line(true, 0, bytes).buffer();
    buffer.putShort(HEADER + 16, (short) (buffer.getShort(HEADER + 16) | read));
    return new Line(true, request.fds, bytes);
  }

  private static void addRange(Set<Integer> bytes, int from, int length) {
    for (int i = 0; i < length; i++) {
      bytes.add(from + i);
    }
  }

  @Test
  void recordedClient_getsTheRecordedAnswers() throws Exception {
    List<Line> lines = lines().stream().map(Line::parse).toList();
    Path path = directory.resolve("socket");
    int answers = 0;
    try (NvmeServer server = NvmeServer.open("mem:256MiB", ServeOptions.defaults());
        NativeFile memory = NativeFile.inMemory("client", MEMORY_BYTES)) {
      server.listen(path);
      try (UnixSocket socket = UnixSocket.connect(path, RawClient.LIMIT_NS)) {
        short command = 0;
        for (int i = 0; i < lines.size(); i += 2) {
          Line request = lines.get(i);
          assertThat(request.client).isTrue();
          boolean sets = request.command() == REGION_WRITE && isCommandRegister(request);
          send(socket, sets ? withBitsRead(request, command) : request, memory.fd());
          Line answer = receive(socket);
          compare(request, lines.get(i + 1), answer);
          if (request.command() == REGION_READ && isCommandRegister(request)) {
            command = answer.buffer().getShort(HEADER + 16);
            assertThat(command).as("memory space").isEqualTo((short) 2);
          }
          answers++;
        }
      }
    }
    assertThat(answers).isEqualTo(28);
  }

  private static void compare(Line request, Line expected, Line answer) throws IOException {
    if (answer.command() == 1) {
      compareVersion(expected, answer);
      return;
    }
    String what = HexFormat.of().formatHex(request.bytes, 0, Math.min(40, request.bytes.length));
    assertThat(answer.fds).as("descriptors, request %s", what).isEqualTo(expected.fds);
    byte[] ours = answer.bytes.clone();
    byte[] theirs = expected.bytes.clone();
    for (int at : mayDiffer(request, expected)) {
      ours[at] = 0;
      theirs[at] = 0;
    }
    assertThat(HexFormat.of().formatHex(ours))
        .as("request %s", what)
        .isEqualTo(HexFormat.of().formatHex(theirs));
  }

  /** The capabilities are a JSON text, of which names and numbers are each side's own. */
  private static void compareVersion(Line expected, Line answer) throws IOException {
    assertThat(answer.fds).isZero();
    assertThat(Arrays.copyOf(answer.bytes, 4)).isEqualTo(Arrays.copyOf(expected.bytes, 4));
    assertThat(answer.buffer().getInt(4)).isEqualTo(answer.bytes.length);
    assertThat(Arrays.copyOfRange(answer.bytes, 8, 20))
        .as("flags, error, version")
        .isEqualTo(Arrays.copyOfRange(expected.bytes, 8, 20));
    assertThat(answer.bytes[answer.bytes.length - 1]).isZero();
    ByteBuffer json = answer.buffer().position(20).slice();
    assertThat(Capabilities.decode(json))
        .isEqualTo(
            new Capabilities(
                Connection.MOST_FDS, 1 << 20, 4096, RegionLimit.DEFAULT.regions(), false, -1));
  }

  private static void send(UnixSocket socket, Line line, int fd) throws IOException {
    int[] fds = new int[line.fds];
    Arrays.fill(fds, fd);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, line.bytes);
      assertThat(socket.send(bytes, true, fds)).isEqualTo(line.bytes.length);
    }
  }

  private static Line receive(UnixSocket socket) throws IOException {
    ArrayDeque<Integer> fds = new ArrayDeque<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(HEADER + MessageSocket.DEFAULT_DATA_BYTES);
      long length = 0;
      while (length < HEADER || length < buffer.get(ValueLayout.JAVA_INT, 4)) {
        assertThat(socket.awaitReadable(RawClient.LIMIT_NS)).isTrue();
        long n = socket.receive(buffer.asSlice(length), false, fds);
        assertThat(n).as("the server goes on").isPositive();
        length += n;
      }
      return new Line(false, fds.size(), buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE));
    } finally {
      fds.forEach(fd -> NativeFile.adopt(Path.of("received"), fd).close());
    }
  }
}
