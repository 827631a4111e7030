package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Capabilities;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
class NvmeServerTest {

  @TempDir Path directory;
  private Path path;
  private NvmeServer server;

  @BeforeEach
  void listen() throws IOException {
    path = directory.resolve("socket");
    server = NvmeServer.open("mem:16MiB", ServeOptions.defaults());
    server.listen(path);
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  @Test
  void open_unknownAddress_saysWhatIsRight() {
    assertThatThrownBy(() -> NvmeServer.open("nvme:0", ServeOptions.defaults()))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("mem:SIZE");
  }

  @Test
  void open_noSuchNamespace_isRefused() {
    assertThatThrownBy(() -> NvmeServer.open("mem:16MiB", ServeOptions.defaults().withNamespace(2)))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("namespace 2");
  }

  @Test
  void listen_closed_isRefused() throws Exception {
    server.close();
    Path other = directory.resolve("other");
    assertThatThrownBy(() -> server.listen(other)).isInstanceOf(IllegalStateException.class);
    assertThat(other).doesNotExist();
  }

  @Test
  void listen_pathInUse_isRefused_andTheServerGoesOn() throws Exception {
    assertThatThrownBy(() -> server.listen(path)).hasMessageContaining("somebody else listens");
    try (RawClient client = RawClient.greet(path)) {
      assertThat(client.readInt(0, 8)).isPositive();
    }
  }

  @Test
  void close_clientsConnected_disconnectsThem() throws Exception {
    Path other = directory.resolve("other");
    server.listen(other);
    try (RawClient first = RawClient.greet(path);
        RawClient second = RawClient.greet(other)) {
      server.close();
      assertThat(first.isDisconnected()).isTrue();
      assertThat(second.isDisconnected()).isTrue();
    }
    assertThat(path).doesNotExist();
    assertThat(other).doesNotExist();
    assertThat(server.thread().thread().isAlive()).isFalse();
    server.close();
  }

  @Test
  void secondClient_isDisconnected_andTheFirstGoesOn() throws Exception {
    try (RawClient first = RawClient.greet(path)) {
      try (RawClient second = RawClient.connect(path)) {
        assertThat(second.isDisconnected()).isTrue();
      }
      assertThat(first.readInt(0, 8)).isPositive();
    }
  }

  @Test
  void nextClient_isServedAtOnce() throws Exception {
    List<String> before = Served.descriptors();
    for (int i = 0; i < 200; i++) {
      try (RawClient client = RawClient.greet(path)) {
        assertThat(client.readInt(0, 8)).isPositive();
      }
    }
    Served.awaitDescriptors(before);
  }

  @Test
  void client_leavesInTheMidstOfAMessage_isGone() throws Exception {
    List<String> before = Served.descriptors();
    for (int length = 1; length < 40; length++) {
      try (RawClient client = RawClient.greet(path)) {
        byte[] message = new byte[40];
        message[2] = Message.REGION_READ;
        message[4] = 40;
        client.sendBytes(java.util.Arrays.copyOf(message, length));
      }
    }
    Served.awaitDescriptors(before);
  }

  // ---- VERSION.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\0",
        "{}\0",
        "{\"capabilities\":{}}",
        "{\"capabilities\":{\"max_msg_fds\":8,\"twin_socket\":{\"supported\":true},\"x\":[1,2]}}\0"
      })
  void version_isAnsweredWithCapabilities(String json) throws Exception {
    try (RawClient client = RawClient.connect(path)) {
      ByteBuffer answer = client.succeed(Message.VERSION, RawClient.version(0, 1, json));
      assertThat(answer.getInt(0)).isEqualTo(1 << 16);
      Capabilities got = Capabilities.decode(answer.position(4));
      assertThat(got.mostFds()).isEqualTo(Connection.MOST_FDS);
      assertThat(got.mostDataBytes()).isEqualTo(1 << 20);
      assertThat(got.pageSizes()).isEqualTo(4096);
      assertThat(got.twinSocket()).isFalse();
    }
  }

  @Test
  void version_minor_isTheLesser() throws Exception {
    for (int minor : new int[] {0, 1, 2, 0xffff}) {
      try (RawClient client = RawClient.connect(path)) {
        ByteBuffer answer = client.succeed(Message.VERSION, RawClient.version(0, minor, ""));
        assertThat(answer.getShort(2)).isEqualTo((short) Math.min(minor, 1));
      }
    }
  }

  @Test
  void version_notServed_isAnErrorAndTheEnd() throws Exception {
    List<ByteBuffer> bad =
        List.of(
            RawClient.version(1, 1, ""),
            RawClient.version(0, 1, "{"),
            RawClient.version(0, 1, "{\"capabilities\":1}"),
            MessageSocket.payload(3),
            MessageSocket.payload(0));
    for (ByteBuffer payload : bad) {
      try (RawClient client = RawClient.connect(path)) {
        assertThat(client.fail(Message.VERSION, payload)).isEqualTo(Errno.EINVAL);
        assertThat(client.isDisconnected()).isTrue();
      }
    }
  }

  @Test
  void otherMessageFirst_isAnErrorAndTheEnd() throws Exception {
    try (RawClient client = RawClient.connect(path)) {
      assertThat(client.fail(Message.DEVICE_GET_INFO, RawClient.ints(16, 0, 0, 0)))
          .isEqualTo(Errno.EINVAL);
      assertThat(client.isDisconnected()).isTrue();
    }
  }

  @Test
  void versionTwice_isAnError() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      assertThat(client.fail(Message.VERSION, RawClient.version(0, 1, ""))).isNotZero();
      assertThat(client.readInt(0, 8)).isPositive();
    }
  }

  @Test
  void reply_isTheEnd() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      client.send(Message.REGION_READ, Message.REPLY, RawClient.access(0, 0, 8));
      assertThat(client.isDisconnected()).isTrue();
    }
  }

  // ---- Messages.

  @Test
  void noReply_isDone_andNotAnswered() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      ByteBuffer write =
          MessageSocket.payload(18)
              .put(0, RawClient.access(7, 4, 2), 0, 16)
              .putShort(16, (short) 6);
      client.send(Message.REGION_WRITE, Message.NO_REPLY, write);
      client.send(Message.REGION_WRITE, Message.NO_REPLY, RawClient.access(99, 0, 4));
      assertThat(client.readInt(7, 4) & 0xffff)
          .as("the next answer is that of the read")
          .isEqualTo(6);
    }
  }

  @Test
  void manyMessagesAtOnce_areAnsweredInOrder() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      int first = client.send(Message.REGION_READ, 0, RawClient.access(7, 0, 4));
      for (int i = 1; i < 100; i++) {
        client.send(Message.REGION_READ, 0, RawClient.access(7, 0, 4));
      }
      for (int i = 0; i < 100; i++) {
        try (Message reply = client.receive()) {
          assertThat(reply.id()).isEqualTo(first + i);
        }
      }
    }
  }

  @Test
  void clientThatDoesNotRead_holdsUpNobody() throws Exception {
    Path other = directory.resolve("other");
    server.listen(other);
    try (RawClient lazy = RawClient.greet(path);
        RawClient good = RawClient.greet(other)) {
      // More answers than a socket holds; the requests themselves fit.
      int requests = 200;
      for (int i = 0; i < requests; i++) {
        lazy.send(Message.REGION_READ, 0, RawClient.access(7, 0, 4096));
      }
      for (int i = 0; i < 100; i++) {
        assertThat(good.readInt(0, 8)).isPositive();
      }
      for (int i = 0; i < requests; i++) {
        try (Message reply = lazy.receive()) {
          assertThat(reply.payload().limit()).isEqualTo(16 + 4096);
        }
      }
      assertThat(lazy.readInt(0, 8)).isPositive();
    }
  }

  @Test
  void clientThatDoesNotRead_leaves_makesRoom() throws Exception {
    for (int round = 0; round < 20; round++) {
      try (RawClient lazy = RawClient.greet(path)) {
        for (int i = 0; i < 200; i++) {
          lazy.send(Message.REGION_READ, 0, RawClient.access(7, 0, 4096));
        }
      }
    }
  }

  // ---- The function.

  @Test
  void regionInfo_noRoomForCapabilities_saysHowMuchIsNeeded() throws Exception {
    try (RawClient client = RawClient.greet(path);
        Message reply =
            client.request(
                Message.DEVICE_GET_REGION_INFO, RawClient.ints(32, 0, 0, 0, 0, 0, 0, 0))) {
      assertThat(reply.fdCount()).isZero();
      assertThat(reply.payload().limit()).isEqualTo(32);
      assertThat(reply.payload().getInt(0)).isEqualTo(64);
      assertThat(reply.payload().getInt(12)).as("no capability here").isZero();
      assertThat(reply.payload().getLong(16)).isEqualTo(0x2000);
    }
  }

  @Test
  void doorbells_areAPageOfTheFile() throws Exception {
    try (RawClient client = RawClient.greet(path);
        Message reply =
            client.request(
                Message.DEVICE_GET_REGION_INFO, RawClient.ints(64, 0, 0, 0, 0, 0, 0, 0));
        NativeFile file = reply.takeFile(0, "doorbells");
        Arena arena = Arena.ofConfined()) {
      ByteBuffer info = reply.payload();
      assertThat(info.getInt(4)).isEqualTo(15);
      long offset = info.getLong(24) + info.getLong(32 + 16);
      long length = info.getLong(32 + 24);
      assertThat(file.size()).isGreaterThanOrEqualTo(offset + length);
      MemorySegment doorbells = Mmap.shared(file, offset, length, arena);
      ByteBuffer write =
          MessageSocket.payload(20).put(0, RawClient.access(0, 0x1008, 4), 0, 16).putInt(16, 77);
      client.succeed(Message.REGION_WRITE, write);
      assertThat(doorbells.get(ValueLayout.JAVA_INT, 8)).isEqualTo(77);
    }
  }

  @Test
  void msixTable_keepsWhatIsWritten_untilReset() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      assertThat(client.readInt(4, 12)).as("masked").isEqualTo(1);
      client.writeLong(4, 16, 0x1122334455667788L);
      client.writeInt(4, 0x1ffc, 5);
      client.writeInt(5, 0, -1);
      assertThat(client.readLong(4, 16)).isEqualTo(0x1122334455667788L);
      assertThat(client.readInt(4, 0x1ffc)).as("behind the last vector").isZero();
      assertThat(client.readInt(5, 0)).as("read-only").isZero();
      client.succeed(Message.DEVICE_RESET, MessageSocket.payload(0));
      assertThat(client.readLong(4, 16)).isZero();
      assertThat(client.readInt(4, 28)).isEqualTo(1);
    }
  }

  @Test
  void functionLevelReset_resetsTheController() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      client.writeInt(0, 0x24, 0x00ff00ff);
      client.writeInt(7, 4, 6);
      client.writeInt(7, 0x68, 1 << 15);
      assertThat(client.readInt(0, 0x24)).isZero();
      assertThat(client.readInt(7, 4) & 0xffff).isEqualTo(2);
    }
  }

  @Test
  void triggeredByTheClient_interruptsFire() throws Exception {
    try (RawClient client = RawClient.greet(path);
        EventFd first = EventFd.create();
        EventFd second = EventFd.create()) {
      client.succeed(
          Message.DEVICE_SET_IRQS, RawClient.ints(20, 4 | 32, 2, 3, 2), first.fd(), second.fd());
      client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 1 | 32, 2, 3, 1));
      assertThat(first.drain()).isTrue();
      assertThat(second.drain()).isFalse();
      client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(24, 2 | 32, 2, 3, 2, 0x0100));
      assertThat(first.drain()).isFalse();
      assertThat(second.drain()).isTrue();
      // Without descriptors one is taken back; with a count of 0, all.
      client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 4 | 32, 2, 3, 1));
      client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 1 | 32, 2, 0, 65));
      assertThat(first.drain()).isFalse();
      assertThat(second.drain()).isTrue();
      client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 1 | 32, 2, 0, 0));
      client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 1 | 32, 2, 0, 65));
      assertThat(second.drain()).isFalse();
    }
  }

  @Test
  void dmaMap_closedByTheUnmap() throws Exception {
    try (RawClient client = RawClient.greet(path);
        NativeFile file = NativeFile.inMemory("client", 1 << 20)) {
      client.readInt(0, 8);
      List<String> before = Served.descriptors();
      client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 4096, 0x10000, 8192), file.fd());
      client.succeed(Message.DMA_MAP, RawClient.dmaMap(1, 0, 0x12000, 4096), file.fd());
      client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, 0x13000, 4096));
      assertThat(Served.descriptors()).hasSize(before.size() + 2);
      // A descriptor that is not needed, as SPDK sends one.
      ByteBuffer unmap = RawClient.dmaUnmap(0x10000, 8192);
      assertThat(client.succeed(Message.DMA_UNMAP, unmap, file.fd())).isEqualTo(unmap);
      client.succeed(Message.DMA_UNMAP, RawClient.dmaUnmap(0x12000, 4096));
      client.succeed(Message.DMA_UNMAP, RawClient.dmaUnmap(0x13000, 4096));
      assertThat(Served.descriptors()).isEqualTo(before);
    }
  }

  @Test
  void dmaMap_fileForReadingOnly_isTaken() throws Exception {
    Path file = Files.write(directory.resolve("memory"), new byte[8192]);
    try (RawClient client = RawClient.greet(path);
        var _ = Files.newByteChannel(file)) {
      client.succeed(
          Message.DMA_MAP, RawClient.dmaMap(3, 0, 0x10000, 8192), Served.descriptor(file));
    }
  }

  @Test
  void dmaMap_asManyAsAreSaid() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      for (int i = 0; i < RegionLimit.DEFAULT.regions(); i++) {
        client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, i * 4096L, 4096));
      }
      ByteBuffer more = RawClient.dmaMap(3, 0, 1L << 40, 4096);
      assertThat(client.fail(Message.DMA_MAP, more)).isEqualTo(Errno.ENOSPC);
      client.succeed(Message.DMA_UNMAP, RawClient.dmaUnmap(0, 4096));
      client.succeed(Message.DMA_MAP, more);
    }
  }

  // ---- Commands.

  @Test
  void command_isExecuted_andInterrupts() throws Exception {
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        EventFd event = EventFd.create();
        MappedHost host = new MappedHost(path, file)) {
      host.client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 4 | 32, 2, 0, 1), event.fd());
      host.enable();
      host.identify(0);
      host.ring(0, 1);
      host.awaitCompletion(0);
      assertThat(host.status(0)).isZero();
      assertThat(host.data().toArray(ValueLayout.JAVA_BYTE)).contains((byte) 'N', (byte) 'V');
      Served.await("the interrupt", event::drain);
    }
  }

  @Test
  void doorbellRungByAStore_afterAPause_isSeen() throws Exception {
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(path, file)) {
      host.enable();
      for (int slot = 0; slot < 10; slot++) {
        long before = server.thread().sleeps();
        Served.await("it sleeps", () -> server.thread().sleeps() > before + 10);
        host.identify(slot);
        host.ring(0, slot + 1);
        host.awaitCompletion(slot);
      }
    }
  }

  // ---- Idle.

  @Test
  void idleServer_sleeps() throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      client.readInt(0, 8);
      String name = server.thread().thread().getName();
      Served.await(
          "it has neither woken nor run for a while",
          () -> {
            long before = server.thread().sleeps();
            long cpuNs = Served.cpuNs(name);
            Thread.sleep(200);
            return server.thread().sleeps() == before && Served.cpuNs(name) == cpuNs;
          });
      assertThat(client.readInt(0, 8)).as("and wakes").isPositive();
    }
  }

  @Test
  void idleServer_hostWithMappedDoorbells_usesLittleCpu() throws Exception {
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(path, file)) {
      host.enable();
      String name = server.thread().thread().getName();
      Served.await(
          "it uses less than a fifth of a CPU",
          () -> {
            long beforeNs = System.nanoTime();
            long cpuNs = Served.cpuNs(name);
            Thread.sleep(500);
            return (Served.cpuNs(name) - cpuNs) * 5 < System.nanoTime() - beforeNs;
          });
    }
  }
}
