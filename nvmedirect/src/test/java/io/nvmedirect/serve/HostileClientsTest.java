package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.FilledEventFd;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Pipe;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a client does, the server goes on, and a client of another socket does not notice. */
@Timeout(300)
class HostileClientsTest {

  private static final int CONNECTIONS = 100;
  private static final int MESSAGES = 20;
  private static final int RANDOM_HOSTS = 60;
  private static final int RANDOM_STEPS = 200;

  @TempDir Path directory;
  private Path path;
  private NvmeServer server;
  private RawClient good;
  private int version;
  private List<String> before;

  @BeforeEach
  void listen() throws Exception {
    path = directory.resolve("bad");
    server = NvmeServer.open("mem:16MiB", ServeOptions.defaults());
    server.listen(path);
    server.listen(directory.resolve("good"));
    server.listen(directory.resolve("other"));
    good = RawClient.greet(directory.resolve("good"));
    version = good.readInt(0, 8);
    assertThat(version).isPositive();
    // Once, because closing the first pipe opens sockets that the JVM keeps.
    new Descriptors(directory).close();
    before = Served.descriptors();
  }

  @AfterEach
  void close() throws Exception {
    good.close();
    server.close();
  }

  private void assertGoodIsServed() throws IOException {
    assertThat(good.readInt(0, 8)).isEqualTo(version);
  }

  private void assertNothingStaysOpen() throws Exception {
    Served.awaitDescriptors(before);
  }

  // ---- Messages.

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void randomMessages_endTheirOwnConnectionAtMost(long seed) throws Exception {
    Random random = new Random(seed);
    List<byte[]> recorded =
        ConversationTest.lines().stream()
            .filter(l -> l.startsWith("C"))
            .map(l -> HexFormat.of().parseHex(l.split(" ", -1)[3]))
            .toList();
    for (int i = 0; i < CONNECTIONS; i++) {
      try (Descriptors descriptors = new Descriptors(directory)) {
        converse(random, recorded, descriptors);
      }
      assertGoodIsServed();
    }
    assertNothingStaysOpen();
  }

  /** One connection; it ends where the server has had enough of it. */
  private void converse(Random random, List<byte[]> recorded, Descriptors descriptors)
      throws IOException {
    try (RawClient client = random.nextInt(8) == 0 ? RawClient.connect(path) : greet()) {
      for (int i = 0; i < MESSAGES; i++) {
        byte[] message =
            random.nextInt(4) == 0
                ? invented(random)
                : mutated(random, recorded.get(random.nextInt(recorded.size())));
        client.sendBytes(message, descriptors.some(random));
        if (random.nextInt(4) == 0) {
          descriptors.truncate(random);
        }
      }
    } catch (IOException _) {
      // The server has ended the connection, which is its right.
    }
  }

  private RawClient greet() throws IOException {
    return RawClient.greet(path);
  }

  private static byte[] mutated(Random random, byte[] recorded) {
    byte[] message = recorded.clone();
    for (int n = random.nextInt(4); n > 0; n--) {
      // Behind the size, so that the next message is found; the first 64 bytes matter most.
      int at = 8 + random.nextInt(Math.min(64, message.length) - 8);
      message[at] = (byte) (random.nextBoolean() ? 1 << random.nextInt(8) : random.nextInt());
    }
    if (random.nextInt(8) == 0) {
      message[2] = (byte) random.nextInt(20);
    }
    if (random.nextInt(16) == 0) {
      buffer(message).putInt(4, random.nextInt() >>> random.nextInt(32));
    }
    return message;
  }

  private static byte[] invented(Random random) {
    byte[] message = new byte[16 + random.nextInt(80)];
    random.nextBytes(message);
    buffer(message)
        .putShort(2, (short) random.nextInt(20))
        .putInt(4, message.length)
        .putInt(8, random.nextInt(8) == 0 ? random.nextInt() : 0);
    return message;
  }

  private static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** What a client may have open, right or wrong. */
  private static final class Descriptors implements AutoCloseable {
    private final List<AutoCloseable> owners = new ArrayList<>();
    private final List<Integer> fds = new ArrayList<>();
    private final List<NativeFile> files = new ArrayList<>();

    Descriptors(Path directory) throws IOException {
      NativeFile sealed = NativeFile.inMemory("sealed", 256 << 20);
      add(sealed, sealed.fd());
      for (long size : new long[] {100, 4096, 1 << 20, 256 << 20}) {
        NativeFile file = NativeFile.create(directory.resolve("file" + size));
        file.truncate(size);
        files.add(file);
        add(file, file.fd());
      }
      NativeFile device = NativeFile.open(Path.of("/dev/null"));
      add(device, device.fd());
      EventFd event = EventFd.create();
      add(event, event.fd());
      UnixSocket[] pair = UnixSocket.pair();
      add(pair[0], pair[0].fd());
      owners.add(pair[1]);
      Set<Integer> known = Served.numbers();
      Pipe pipe = Pipe.open();
      owners.add(pipe.source());
      owners.add(pipe.sink());
      Served.numbers().stream().filter(fd -> !known.contains(fd)).forEach(fds::add);
    }

    private void add(AutoCloseable owner, int fd) {
      owners.add(owner);
      fds.add(fd);
    }

    int[] some(Random random) {
      int count = random.nextInt(3) == 0 ? random.nextInt(4) : random.nextInt(2);
      return random.ints(count, 0, fds.size()).map(fds::get).toArray();
    }

    void truncate(Random random) throws IOException {
      files.get(random.nextInt(files.size())).truncate(random.nextInt(8192));
    }

    @Override
    public void close() throws IOException {
      for (AutoCloseable owner : owners) {
        try {
          owner.close();
        } catch (Exception e) {
          throw new IOException(e);
        }
      }
      for (NativeFile file : files) {
        Files.delete(Path.of(file.toString()));
      }
    }
  }

  // ---- Memory and doorbells.

  /** What the host shortens its file to: queues and data are gone, completions and data, data. */
  @ParameterizedTest
  @ValueSource(ints = {0, 0x1000, 0x2000})
  void fileTruncated_whileTheControllerUsesIt_endsTheConnection(int left) throws Exception {
    for (int round = 0; round < 20; round++) {
      Path memory = directory.resolve("memory" + round);
      try (NativeFile file = NativeFile.create(memory)) {
        file.truncate(MappedHost.BYTES);
        try (MappedHost host = new MappedHost(path, file)) {
          host.enable();
          host.identify(0);
          host.ring(0, 1);
          host.awaitCompletion(0);
          host.identify(1);
          file.truncate(left);
          host.ring(0, 2);
          assertThat(host.client.isDisconnected()).isTrue();
        }
      }
      assertGoodIsServed();
      Files.delete(memory);
    }
    assertNothingStaysOpen();
  }

  @Test
  void fileTruncated_dropsOnlyTheClientWhoseItIs() throws Exception {
    Path other = directory.resolve("other");
    try (NativeFile bad = NativeFile.create(directory.resolve("memory"));
        NativeFile whole = NativeFile.inMemory("whole", MappedHost.BYTES)) {
      bad.truncate(MappedHost.BYTES);
      try (MappedHost hostile = new MappedHost(path, bad);
          MappedHost host = new MappedHost(other, whole)) {
        hostile.enable();
        host.enable();
        bad.truncate(0);
        for (int slot = 0; slot < MappedHost.ENTRIES - 1; slot++) {
          host.identify(slot);
          host.ring(0, slot + 1);
          hostile.ring(0, slot + 1);
          host.awaitCompletion(slot);
          assertThat(host.status(slot)).isZero();
        }
        assertThat(hostile.client.isDisconnected()).isTrue();
      }
    }
    assertGoodIsServed();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void wildDoorbells_disturbNobody(long seed) throws Exception {
    Random random = new Random(seed);
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(path, file)) {
      for (int round = 0; round < 20; round++) {
        host.enable();
        for (int i = 0; i < 200; i++) {
          int index = random.nextInt(4) == 0 ? random.nextInt(1024) : random.nextInt(2);
          host.identify(random.nextInt(MappedHost.ENTRIES));
          host.ring(index, random.nextInt() >>> random.nextInt(32));
        }
        assertGoodIsServed();
        host.client.succeed(Message.DEVICE_RESET, ByteBuffer.allocate(0));
        assertThat(host.client.readInt(0, 0x1c)).as("CSTS").isZero();
      }
      host.data().fill((byte) 0);
    }
    assertNothingStaysOpen();
  }

  /** To replay a failure, run its seed again: the message has it. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void randomIo_disturbsNobody(long seed) throws Exception {
    Random random = new Random(seed);
    try (NativeFile file = NativeFile.inMemory("good", MappedHost.BYTES);
        MappedHost other = new MappedHost(directory.resolve("other"), file)) {
      other.enable();
      for (int round = 0; round < RANDOM_HOSTS; round++) {
        try (RandomHost host = new RandomHost(path, directory, random)) {
          host.run(RANDOM_STEPS);
        } catch (IOException | AssertionError _) {
          // The server has ended the connection, or has refused something, which is its right.
        }
        try {
          assertGoodIsServed();
          other.enableAgain();
          other.identify(0);
          other.ring(0, 1);
          other.awaitCompletion(0);
          assertThat(other.status(0)).isZero();
        } catch (IOException | AssertionError e) {
          throw new AssertionError("seed=%d, round=%d".formatted(seed, round), e);
        }
      }
    }
  }

  /** A comparison in native code must not meet memory that is gone: that would end the JVM. */
  @Test
  void fileTruncated_duringCompare_endsTheConnection() throws Exception {
    try (NvmeDevice device = NvmeDevice.open("vfio-user:" + path);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(MappedHost.DATA_BYTES)) {
      // So often that all of it is compiled.
      for (int i = 0; i < 20_000; i++) {
        assertThat(handle.compare(buffer.segment(), 0)).isTrue();
      }
    }
    for (int round = 0; round < 20; round++) {
      try (NativeFile data = NativeFile.create(directory.resolve("data" + round));
          NativeFile file = NativeFile.inMemory("queues", MappedHost.BYTES)) {
        data.truncate(MappedHost.DATA_BYTES);
        try (MappedHost host = new MappedHost(path, file)) {
          long address = MappedHost.IOVA + MappedHost.BYTES;
          host.client.succeed(
              Message.DMA_MAP, RawClient.dmaMap(3, 0, address, MappedHost.DATA_BYTES), data.fd());
          host.enable();
          host.createQueues();
          data.truncate(MappedHost.DATA_BYTES / 2);
          host.compare(0, address);
          host.ring(2, 1);
          assertThat(host.client.isDisconnected()).isTrue();
        }
      }
      assertGoodIsServed();
    }
  }

  @Test
  void eventFdFilled_interruptsHoldUpNobody() throws Exception {
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        EventFd event = EventFd.create();
        MappedHost host = new MappedHost(path, file)) {
      host.client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 4 | 32, 2, 0, 1), event.fd());
      FilledEventFd.fill(event);
      host.enable();
      for (int slot = 0; slot < MappedHost.ENTRIES - 1; slot++) {
        host.identify(slot);
        host.ring(0, slot + 1);
        host.awaitCompletion(slot);
        assertGoodIsServed();
      }
      host.client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 1 | 32, 2, 0, 1));
      assertGoodIsServed();
    }
  }

  @Test
  void memoryUnmapped_whileTheControllerUsesIt_isNotTouchedAnyMore() throws Exception {
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(path, file)) {
      host.enable();
      host.identify(0);
      host.client.succeed(Message.DMA_UNMAP, RawClient.dmaUnmap(MappedHost.IOVA, MappedHost.BYTES));
      host.ring(0, 1);
      for (int i = 0; i < 100; i++) {
        assertThat(host.client.readInt(0, 8)).isEqualTo(version);
      }
      assertGoodIsServed();
    }
    assertNothingStaysOpen();
  }
}
