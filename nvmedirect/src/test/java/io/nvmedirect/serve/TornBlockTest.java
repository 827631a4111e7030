package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.ChildJvm;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Blocks that are written again and again, each by one command from many pieces of memory: the process that
 * writes the file is killed in the midst, and readers look meanwhile. No block is ever a mix of two writes.
 */
@Tag("emulator")
@Timeout(600)
final class TornBlockTest {

  private static final int KILLS = 3;

  /** They live for a second: they have no time for optimized code. */
  private static final List<String> SHORT_LIVED = List.of("-XX:TieredStopAtLevel=1");

  private static final int BYTES = 4096;
  private static final int PIECES = 128;
  private static final int PIECE_BYTES = BYTES / PIECES;
  private static final int WRITES = 200;
  private static final String READY = "ready";

  @TempDir Path directory;

  /** What is killed: it writes by itself, or serves the device, by itself or through another server. */
  static final class Child {

    private Child() {}

    public static void main(String[] arguments) throws Exception {
      String device = arguments[0];
      if (arguments.length == 1) {
        try (Writer writer = new Writer(device)) {
          for (int number = 1; ; number++) {
            writer.write(number);
            if (number == WRITES) {
              System.out.println(READY);
            }
          }
        }
      }
      NvmeServer served = NvmeServer.open(device, ServeOptions.defaults());
      served.listen(Path.of(arguments[1]));
      NvmeServer forwarded = null;
      if (arguments.length == 3) {
        forwarded = NvmeServer.open("vfio-user:" + arguments[1], ServeOptions.defaults());
        forwarded.listen(Path.of(arguments[2]));
      }
      System.out.println(READY);
      Thread.sleep(Long.MAX_VALUE);
      throw new AssertionError(forwarded + " and " + served);
    }
  }

  /** Writes the first 4096 bytes of a device, every four of them the number of the write. */
  private static final class Writer implements AutoCloseable {
    private final NvmeDevice device;
    private final NvmeQueue queue;
    private final NvmeHandle handle;
    private final DmaBuffer buffer;
    private final MemorySegment[] pieces = new MemorySegment[PIECES];

    Writer(String address) throws IOException {
      device = NvmeDevice.open(address);
      queue = device.createQueue();
      handle = queue.createHandle();
      buffer = device.allocate(2 * BYTES);
      for (int i = 0; i < PIECES; i++) {
        pieces[i] = buffer.segment().asSlice(2L * i * PIECE_BYTES, PIECE_BYTES);
      }
    }

    void write(int number) throws IOException {
      for (long at = 0; at < 2 * BYTES; at += Integer.BYTES) {
        buffer.segment().set(ValueLayout.JAVA_INT, at, number);
      }
      handle.write(pieces, 0);
    }

    @Override
    public void close() throws IOException {
      try (device;
          queue;
          handle) {
        buffer.close();
      }
    }
  }

  private static void assertNoBlockIsTorn(MemorySegment data, int blockBytes) {
    for (int block = 0; block < BYTES; block += blockBytes) {
      int first = data.get(ValueLayout.JAVA_INT, block);
      for (int at = block; at < block + blockBytes; at += Integer.BYTES) {
        assertThat(data.get(ValueLayout.JAVA_INT, at))
            .as("what write bytes %d of the block at %d are of", at - block, block)
            .isEqualTo(first);
      }
    }
  }

  private static int blockBytes(String address) {
    return address.contains("lba=4096") ? 4096 : 512;
  }

  private static void check(String address) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(BYTES)) {
      handle.read(buffer.segment(), 0);
      assertThat(buffer.segment().get(ValueLayout.JAVA_INT, 0)).isPositive();
      assertNoBlockIsTorn(buffer.segment(), blockBytes(address));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lba=4096", "lba=4096&mode=thread", "lba=512", "lba=512&mode=thread"})
  void killedWriters_tearNoBlock(String options) throws IOException {
    String address = "file:%s?size=1MiB&%s".formatted(directory.resolve("image"), options);
    for (int kill = 0; kill < KILLS; kill++) {
      try (ChildJvm child = ChildJvm.start(SHORT_LIVED, Child.class, address)) {
        child.awaitLine(READY);
      }
      check(address);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lba=4096", "lba=512"})
  void killedServers_tearNoBlock(String options) throws Exception {
    String address = "file:%s?size=1MiB&%s".formatted(directory.resolve("image"), options);
    for (int kill = 0; kill < KILLS; kill++) {
      Path socket = directory.resolve("served");
      killServer(address, "vfio-user:" + socket, socket.toString());
    }
  }

  @Test
  void killedForwarders_tearNoBlock() throws Exception {
    String address = "file:%s?size=1MiB&lba=4096".formatted(directory.resolve("image"));
    for (int kill = 0; kill < KILLS; kill++) {
      Path served = directory.resolve("served");
      Path forwarded = directory.resolve("forwarded");
      killServer(address, "vfio-user:" + forwarded, served.toString(), forwarded.toString());
    }
  }

  private static void killServer(String address, String client, String... sockets)
      throws Exception {
    String[] arguments = new String[1 + sockets.length];
    arguments[0] = address;
    System.arraycopy(sockets, 0, arguments, 1, sockets.length);
    AtomicInteger written = new AtomicInteger();
    try (ChildJvm child = ChildJvm.start(SHORT_LIVED, Child.class, arguments)) {
      child.awaitLine(READY);
      Writer writer = new Writer(client);
      Thread killer =
          Thread.ofPlatform()
              .start(() -> {
                while (written.get() < WRITES) {
                  Thread.onSpinWait();
                }
                child.kill();
              });
      try {
        while (true) {
          writer.write(written.get() + 1);
          written.incrementAndGet();
        }
      } catch (IOException e) {
        assertThat(written.get()).as("writes before: %s", e).isGreaterThanOrEqualTo(WRITES);
      } finally {
        written.set(WRITES);
        killer.join();
        closeLost(writer);
      }
    }
    check(address);
  }

  private static void closeLost(Writer writer) {
    try {
      writer.close();
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("vfio-user:");
    }
  }

  // ---- Reads beside writes.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1MiB?lba=4096",
        "mem:1MiB?lba=512&mode=thread",
        "mem:1MiB?lba=4096&model=flash",
        "file:%s?size=1MiB&lba=4096",
        "file:%s?size=1MiB&lba=512&mode=thread"
      })
  void readsBesideWrites_seeOneOrTheOther(String form) throws Exception {
    String address = form.formatted(directory.resolve("image"));
    try (NvmeDevice device = NvmeDevice.open(address)) {
      raceOn(blockBytes(address), device, device, device);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?lba=4096", "file:%s?size=1MiB&lba=512"})
  void readsBesideWritesOfOtherClients_seeOneOrTheOther(String form) throws Exception {
    String address = form.formatted(directory.resolve("image"));
    try (NvmeServer server = NvmeServer.open(address, ServeOptions.defaults())) {
      Path inner = directory.resolve("inner");
      server.listen(inner);
      Path one = directory.resolve("one");
      server.listen(one);
      Path forwarded = directory.resolve("forwarded");
      try (NvmeServer over = NvmeServer.open("vfio-user:" + inner, ServeOptions.defaults())) {
        over.listen(forwarded);
        try (NvmeDevice direct = NvmeDevice.open("vfio-user:" + one);
            NvmeDevice through = NvmeDevice.open("vfio-user:" + forwarded)) {
          raceOn(blockBytes(address), direct, through, through);
        }
      }
    }
  }

  /** Two threads write in pieces, one reads; all have queues of their own. */
  private static void raceOn(
      int blockBytes, NvmeDevice first, NvmeDevice second, NvmeDevice readFrom) throws Exception {
    AtomicBoolean ends = new AtomicBoolean();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    try (NvmeQueue queue = readFrom.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = readFrom.allocate(BYTES)) {
      Thread one = writer(first, 1, ends, failure);
      Thread two = writer(second, 1 << 30, ends, failure);
      try {
        int changes = 0;
        for (int last = 0; changes < WRITES && failure.get() == null; ) {
          handle.read(buffer.segment(), 0);
          assertNoBlockIsTorn(buffer.segment(), blockBytes);
          int seen = buffer.segment().get(ValueLayout.JAVA_INT, 0);
          changes += seen == last ? 0 : 1;
          last = seen;
        }
      } finally {
        ends.set(true);
        one.join();
        two.join();
      }
    }
    assertThat(failure.get()).isNull();
  }

  private static Thread writer(
      NvmeDevice device, int from, AtomicBoolean ends, AtomicReference<Throwable> failure) {
    return Thread.ofPlatform()
        .start(() -> {
          try (NvmeQueue queue = device.createQueue();
              NvmeHandle handle = queue.createHandle();
              DmaBuffer buffer = device.allocate(2 * BYTES)) {
            MemorySegment[] pieces = new MemorySegment[PIECES];
            for (int i = 0; i < PIECES; i++) {
              pieces[i] = buffer.segment().asSlice(2L * i * PIECE_BYTES, PIECE_BYTES);
            }
            for (int number = from; !ends.get(); number++) {
              for (long at = 0; at < 2 * BYTES; at += Integer.BYTES) {
                buffer.segment().set(ValueLayout.JAVA_INT, at, number);
              }
              handle.write(pieces, 0);
            }
          } catch (IOException | RuntimeException | Error e) {
            failure.set(e);
          }
        });
  }
}
