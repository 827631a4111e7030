package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A recorded conversation of SPDK's NVMe initiator and SPDK's target: the target's half is played to our
 * client, whose messages must be those of SPDK's initiator wherever they ask for the same.
 */
@Timeout(300)
class VfioUserReplayTest {

  private static final int BAR_FILE_BYTES = 0x4000;
  private static final int DOORBELLS_IN_FILE = 0x1000;

  /** A command of the client's, and what the server replied. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Exchange(byte[] command, int fds, byte[] reply, int replyFds) {}

  /** What our client has sent where the recording has the same. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Pair(String key, byte[] recorded, int recordedFds, byte[] sent, int sentFds) {}

  private final Map<String, ArrayDeque<Exchange>> recorded = new TreeMap<>();
  private final Map<String, Exchange> last = new HashMap<>();
  private final List<Pair> pairs = new ArrayList<>();

  @TempDir Path directory;

  VfioUserReplayTest() throws IOException {
    List<String[]> lines;
    try (InputStream in = getClass().getResourceAsStream("/vfio-user/exchange.txt")) {
      lines =
          new String(in.readAllBytes(), StandardCharsets.UTF_8)
              .lines()
              .filter(line -> !line.startsWith("#"))
              .map(line -> line.split(" "))
              .toList();
    }
    for (int i = 0; i < lines.size(); i += 2) {
      String[] c = lines.get(i);
      String[] s = lines.get(i + 1);
      assertThat(c[0] + s[0]).isEqualTo("CS");
      byte[] command = HexFormat.of().parseHex(c[3]);
      Exchange exchange = new Exchange(command, fds(c), HexFormat.of().parseHex(s[3]), fds(s));
      recorded.computeIfAbsent(key(command), k -> new ArrayDeque<>()).add(exchange);
    }
  }

  private static int fds(String[] line) {
    return Integer.parseInt(line[2].substring("fds=".length()));
  }

  /** What is asked for: the command, and which region or register. */
  private static String key(byte[] message) {
    ByteBuffer bytes = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
    int command = bytes.getShort(2);
    String name = Message.name(command);
    return switch (command) {
      case Message.DEVICE_GET_REGION_INFO -> name + " " + bytes.getInt(16 + 8);
      case Message.REGION_READ, Message.REGION_WRITE ->
          "%s %d %x %d".formatted(name, bytes.getInt(24), bytes.getLong(16), bytes.getInt(28));
      default -> name;
    };
  }

  // ---- The server.

  private void serve(UnixSocket listener, NativeFile bar) {
    ArrayDeque<Integer> fds = new ArrayDeque<>();
    try (UnixSocket socket = listener.accept();
        Arena arena = Arena.ofConfined()) {
      MemorySegment header = arena.allocate(16, 8);
      while (receive(socket, header, fds)) {
        MemorySegment message = arena.allocate(header.get(ValueLayout.JAVA_INT, 4), 8);
        message.copyFrom(header);
        receive(socket, message.asSlice(16), fds);
        int passed = fds.size();
        while (!fds.isEmpty()) {
          NativeFile.adopt(directory, fds.removeFirst()).close();
        }
        Exchange exchange = note(message.toArray(ValueLayout.JAVA_BYTE), passed);
        byte[] reply = exchange.reply.clone();
        reply[0] = header.get(ValueLayout.JAVA_BYTE, 0);
        reply[1] = header.get(ValueLayout.JAVA_BYTE, 1);
        MemorySegment out = arena.allocate(reply.length);
        out.copyFrom(MemorySegment.ofArray(reply));
        int[] replyFds = exchange.replyFds == 0 ? new int[0] : new int[] {bar.fd()};
        assertThat(socket.send(out, true, replyFds)).isEqualTo(reply.length);
      }
    } catch (LinuxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static boolean receive(UnixSocket socket, MemorySegment into, ArrayDeque<Integer> fds)
      throws LinuxException {
    for (long done = 0; done < into.byteSize(); ) {
      long n = socket.receive(into.asSlice(done), true, fds);
      if (n == 0) {
        return false;
      }
      done += n;
    }
    return true;
  }

  /** The reply to a read: header, offset, region and count, and the data. */
  private static Exchange zeros(byte[] read) {
    int count = ByteBuffer.wrap(read).order(ByteOrder.LITTLE_ENDIAN).getInt(28);
    byte[] reply = Arrays.copyOf(read, 32 + count);
    ByteBuffer.wrap(reply).order(ByteOrder.LITTLE_ENDIAN).putInt(4, reply.length).putInt(8, 1);
    return new Exchange(read, 0, reply, 0);
  }

  private synchronized Exchange note(byte[] sent, int fds) {
    String key = key(sent);
    ArrayDeque<Exchange> left = recorded.get(key);
    Exchange exchange = left == null ? null : left.poll();
    if (exchange == null && key.startsWith("REGION_READ 7 ")) {
      return zeros(
          sent); // what SPDK does not ask for: its configuration space has no capabilities here
    }
    if (exchange == null) {
      return Objects.requireNonNull(last.get(key), key);
    }
    last.put(key, exchange);
    pairs.add(new Pair(key, exchange.command, exchange.fds, sent, fds));
    return exchange;
  }

  // ---- The client.

  @Test
  void conversation_isThatOfSpdk() throws Exception {
    long before = ScriptedServer.openFds();
    Path path = directory.resolve("cntrl");
    try (UnixSocket listener = UnixSocket.listen(path);
        NativeFile bar = NativeFile.inMemory("bar", BAR_FILE_BYTES)) {
      Thread server = Thread.ofPlatform().start(() -> serve(listener, bar));
      drive(VfioUserAddress.parse("vfio-user:" + directory), bar);
      server.join();
    }
    checkPairs();
    synchronized (this) {
      assertThat(recorded.entrySet().stream().filter(e -> !e.getValue().isEmpty()))
          .extracting(Map.Entry::getKey)
          .as("what we do not ask for: other regions")
          .allMatch(key -> key.matches("DEVICE_GET_REGION_INFO [1234568]"))
          .hasSize(7);
    }
    assertThat(ScriptedServer.openFds()).isEqualTo(before);
  }

  private void drive(VfioUserAddress address, NativeFile bar) throws IOException {
    try (VfioUserFunction function = VfioUserFunction.open(address, TimeUnit.SECONDS.toNanos(60))) {
      DmaBuffer buffer = DmaBuffer.allocate(function.dma(), 2 << 20);
      assertThat(function.read64(0)).as("CAP").isEqualTo(0x0800_0020_1e01_00ffL);
      assertThat(function.read32(8)).as("VS").isEqualTo(0x2_0000 | 0);
      assertThat(function.read64(0)).isEqualTo(0x0800_0020_1e01_00ffL);
      assertThat(function.read32(0x14)).as("CC").isZero();
      assertThat(function.read32(0x1c)).as("CSTS").isZero();
      function.write64(0x28, 0x2000_1031_4000L);
      function.write64(0x30, 0x2000_1031_9000L);
      function.write32(0x24, 0x00ff_00ff);
      function.write32(0x14, 0x0046_0001);
      assertThat(function.read32(0x1c)).as("ready").isEqualTo(1);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment doorbells = Mmap.shared(bar, DOORBELLS_IN_FILE, 4096, arena);
        function.doorbell(0x1000).ring(3);
        assertThat(doorbells.get(ValueLayout.JAVA_INT, 0)).isEqualTo(3);
      }
      assertThat(function.read32(0x14)).isEqualTo(0x0046_0001);
      function.write32(0x14, 0x0046_4001);
      assertThat(function.read32(0x1c)).as("shut down").isEqualTo(9);
      buffer.close();
    }
  }

  private synchronized void checkPairs() {
    for (Pair pair : pairs) {
      byte[] theirs = mask(pair.recorded);
      byte[] ours = mask(pair.sent);
      if (pair.key.equals("REGION_WRITE 7 4 2")) {
        // Bus master and no interrupt by pin, as theirs; and memory space, which theirs does
        // without.
        assertThat(ours[32]).as(pair.key).isEqualTo((byte) (theirs[32] | 2));
        ours[32] = theirs[32];
      }
      if (pair.key.equals("VERSION")) {
        // Ours has capabilities, and so another size.
        assertThat(Arrays.copyOfRange(ours, 8, 20))
            .as(pair.key)
            .isEqualTo(Arrays.copyOfRange(theirs, 8, 20));
      } else if (pair.key.startsWith("DEVICE_GET_REGION_INFO")) {
        // Theirs is followed by room for the reply.
        assertThat(Arrays.copyOfRange(ours, 8, 48))
            .as(pair.key)
            .isEqualTo(Arrays.copyOfRange(theirs, 8, 48));
      } else {
        assertThat(HexFormat.of().formatHex(ours))
            .as(pair.key)
            .isEqualTo(HexFormat.of().formatHex(theirs));
      }
      if (!pair.key.equals("DMA_UNMAP")) {
        // Theirs passes a descriptor with it, which the protocol does not ask for.
        assertThat(pair.sentFds).as(pair.key).isEqualTo(pair.recordedFds);
      }
    }
    assertThat(pairs).hasSizeGreaterThan(20);
  }

  /** Without the identifier, and the addresses and sizes of memory, which each side chooses. */
  private static byte[] mask(byte[] message) {
    byte[] masked = message.clone();
    Arrays.fill(masked, 0, 2, (byte) 0);
    switch (key(message)) {
      case "DMA_MAP" -> Arrays.fill(masked, 16 + 16, 16 + 32, (byte) 0);
      case "DMA_UNMAP" -> Arrays.fill(masked, 16 + 8, 16 + 24, (byte) 0);
      default -> {}
    }
    return masked;
  }
}
