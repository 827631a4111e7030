package io.nvmedirect.pcie;

import static io.nvmedirect.pcie.ScriptedServer.await;
import static io.nvmedirect.pcie.ScriptedServer.ints;
import static io.nvmedirect.pcie.ScriptedServer.openFds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.pcie.ScriptedServer.Answer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Servers that die, stall, or do not follow the protocol: each has an error, and leaves nothing. */
@Timeout(300)
class VfioUserMisbehaviourTest {

  private static final long SHORT_NS = TimeUnit.SECONDS.toNanos(2);

  @TempDir Path directory;

  private ScriptedServer server;
  private long before;

  record Case(String name, Answer answer, String message, long timeoutNs) {
    Case(String name, String message, Answer answer) {
      this(name, answer, message, ScriptedServer.LIMIT_NS);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  @BeforeEach
  void start() throws IOException {
    before = openFds();
    server = new ScriptedServer(directory.resolve("s"));
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
    await(() -> openFds() == before);
  }

  private static void replyTo(Message m, ScriptedServer s, int id, int command, int... fds)
      throws IOException {
    ByteBuffer payload = MessageSocket.payload(20).put(0, m.payload(), 0, 16);
    s.client().send(id, command, Message.REPLY, 0, payload, ScriptedServer.LIMIT_NS, fds);
  }

  private static int[] same(int fd, int count) {
    int[] fds = new int[count];
    Arrays.fill(fds, fd);
    return fds;
  }

  static Stream<Case> replies() {
    int read = Message.REGION_READ;
    return Stream.of(
        new Case("dies", "gone", (m, s) -> s.die()),
        new Case(
            "dies in a message",
            "gone",
            (m, s) -> {
              s.sendHeader(m, 36);
              s.die();
            }),
        new Case("stalls", (m, s) -> {}, "no reply", SHORT_NS),
        new Case("stalls in a message", (m, s) -> s.sendHeader(m, 36), "no reply", SHORT_NS),
        new Case("less than a header", "8 bytes", (m, s) -> s.sendHeader(m, 8)),
        new Case("too long", "2147483647 bytes", (m, s) -> s.sendHeader(m, Integer.MAX_VALUE)),
        new Case("negative length", "4294967295 bytes", (m, s) -> s.sendHeader(m, -1)),
        new Case(
            "short reply",
            "must have 20 bytes",
            (m, s) -> s.reply(m, ByteBuffer.wrap(new byte[18]))),
        new Case(
            "long reply",
            "must have 20 bytes",
            (m, s) -> s.reply(m, ByteBuffer.wrap(new byte[24]))),
        new Case(
            "other count",
            "about 7 bytes",
            (m, s) -> s.reply(m, MessageSocket.payload(20).putInt(12, 7))),
        new Case("other id", "nobody", (m, s) -> replyTo(m, s, m.id() + 1, read)),
        new Case(
            "other command", "another command", (m, s) -> replyTo(m, s, m.id(), Message.DMA_MAP)),
        new Case(
            "descriptor", "at most 0 desc", (m, s) -> replyTo(m, s, m.id(), read, s.barFile.fd())),
        new Case(
            "descriptor with an error",
            "at most 0 desc",
            (m, s) ->
                s.client()
                    .send(
                        m.id(),
                        read,
                        Message.REPLY | Message.ERROR,
                        Errno.EIO,
                        MessageSocket.payload(0),
                        ScriptedServer.LIMIT_NS,
                        s.barFile.fd())),
        new Case(
            "many descriptors",
            "more descriptors than the 8",
            (m, s) -> replyTo(m, s, m.id(), read, same(s.barFile.fd(), 9))));
  }

  @ParameterizedTest
  @MethodSource("replies")
  void reply_thatIsWrong_endsTheConnection(Case wrong) throws Exception {
    try (VfioUserFunction function = VfioUserFunction.open(server.address(), wrong.timeoutNs)) {
      server.on(Message.REGION_READ, wrong.answer);
      assertThatThrownBy(() -> function.read32(0x1c))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("vfio-user:" + directory)
          .hasMessageContaining("REGION_READ of 4 bytes at offset 0x1c of region 0")
          .hasMessageContaining(wrong.message);
      assertThat(function.isLost()).isTrue();
      int seen = server.seen.size();
      assertThatThrownBy(() -> function.read64(0)).hasMessageContaining(wrong.message);
      assertThatThrownBy(() -> function.write32(0x14, 1)).isInstanceOf(NvmeException.class);
      assertThatThrownBy(() -> function.read32(ScriptedServer.DOORBELLS))
          .as("mapped")
          .isInstanceOf(NvmeException.class);
      assertThatThrownBy(function::vectors).isInstanceOf(NvmeException.class);
      assertThat(function.reset()).isFalse();
      assertThat(server.seen).as("nothing more was asked").hasSize(seen);
    }
  }

  @Test
  void secondReply_endsTheConnection() throws Exception {
    try (VfioUserFunction function =
        VfioUserFunction.open(server.address(), ScriptedServer.LIMIT_NS)) {
      server.on(
          Message.REGION_READ,
          (m, s) -> {
            s.access(m, false);
            s.access(m, false);
          });
      assertThat(function.read32(0x1c)).isZero();
      await(function::isLost);
      assertThatThrownBy(() -> function.read32(0x1c)).hasMessageContaining("nobody");
    }
  }

  @Test
  void death_failsEveryRequestThatWaits() throws Exception {
    try (VfioUserFunction function =
        VfioUserFunction.open(server.address(), ScriptedServer.LIMIT_NS)) {
      int already = server.seen(Message.REGION_READ).size(); // of the configuration space
      server.on(Message.REGION_READ, (m, s) -> {});
      ConcurrentLinkedQueue<Exception> failures = new ConcurrentLinkedQueue<>();
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        int offset = 4 * i;
        Runnable reading =
            () -> {
              try {
                function.read32(offset);
              } catch (IOException e) {
                failures.add(e);
              }
            };
        threads.add(
            i % 2 == 0 ? Thread.ofPlatform().start(reading) : Thread.ofVirtual().start(reading));
      }
      await(() -> server.seen(Message.REGION_READ).size() == already + 8);
      server.die();
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(failures)
          .hasSize(8)
          .allMatch(e -> String.valueOf(e.getMessage()).contains("gone"));
    }
  }

  @Test
  void refusedDoorbells_doNotHangAServerThatReadsNothing() throws Exception {
    try (VfioUserFunction function = VfioUserFunction.open(server.address(), SHORT_NS)) {
      server.on(
          Message.REGION_WRITE,
          (m, s) -> {
            try {
              await(function::isLost);
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
      var doorbell = function.announcedDoorbell(ScriptedServer.DOORBELLS);
      while (!function.isLost()) {
        doorbell.ring(1);
      }
      assertThatThrownBy(() -> function.read32(0)).hasMessageContaining("takes no messages");
    }
  }

  // ---- While it opens.

  private static Case version(String name, String message, String capabilities) {
    return new Case(
        name, message, (m, s) -> s.capabilities(capabilities).reply(m, s.versionReply()));
  }

  static Stream<Case> versions() {
    return Stream.of(
        new Case(
            "other major",
            "version 1.0",
            (m, s) -> s.reply(m, MessageSocket.payload(4).put(0, (byte) 1))),
        new Case(
            "later minor",
            "version 0.2",
            (m, s) -> s.reply(m, MessageSocket.payload(4).put(2, (byte) 2))),
        new Case("short", "must have 4 or more", (m, s) -> s.reply(m, MessageSocket.payload(3))),
        new Case("refuses", "EINVAL", (m, s) -> s.refuse(m, Errno.EINVAL)),
        new Case("dies", "gone", (m, s) -> s.die()),
        new Case("stalls", (m, s) -> {}, "no reply to VERSION within 2000 ms", SHORT_NS),
        version("no JSON", "no JSON", "{"),
        version("no number", "max_msg_fds", "{\"max_msg_fds\":true}"),
        version("other pages", "pgsizes", "{\"pgsizes\":65536}"),
        version("twin without index", "twin_socket", "{\"twin_socket\":{\"supported\":true}}"),
        version(
            "twin without descriptor",
            "twin_socket",
            "{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}"),
        new Case(
            "twin of another index",
            "twin_socket",
            (m, s) ->
                s.capabilities("{\"twin_socket\":{\"supported\":true,\"fd_index\":1}}")
                    .reply(m, s.versionReply(), s.barFile.fd())),
        new Case(
            "descriptor without twin",
            "passes 1 descriptors",
            (m, s) -> s.reply(m, s.versionReply(), s.barFile.fd())),
        new Case(
            "one descriptor too many",
            "passes 2 descriptors",
            (m, s) ->
                s.capabilities("{\"twin_socket\":{\"supported\":true,\"fd_index\":1}}")
                    .reply(m, s.versionReply(), s.barFile.fd(), s.barFile.fd())));
  }

  @ParameterizedTest
  @MethodSource("versions")
  void version_thatIsWrong_isAnError(Case wrong) {
    server.on(Message.VERSION, wrong.answer);
    assertOpenFails(wrong);
  }

  private void assertOpenFails(Case wrong) {
    assertThatThrownBy(() -> VfioUserFunction.open(server.address(), wrong.timeoutNs))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("vfio-user:" + directory)
        .hasMessageContaining(wrong.message);
  }

  @Test
  void version_withoutCapabilities_isGood() throws Exception {
    server.on(Message.VERSION, (m, s) -> s.reply(m, MessageSocket.payload(4).put(2, (byte) 1)));
    try (VfioUserFunction function =
        VfioUserFunction.open(server.address(), ScriptedServer.LIMIT_NS)) {
      assertThat(function.vectors()).isEqualTo(4);
      assertThat(server.seen(Message.DEVICE_SET_IRQS)).as("one descriptor each").hasSize(4);
    }
  }

  @Test
  void twin_thatIsNoSocket_endsTheConnection() {
    server.on(
        Message.VERSION,
        (m, s) ->
            s.capabilities("{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}")
                .reply(m, s.versionReply(), s.barFile.fd()));
    assertThatThrownBy(
            () -> {
              try (VfioUserFunction function =
                  VfioUserFunction.open(server.address(), ScriptedServer.LIMIT_NS)) {
                await(function::isLost);
                function.read32(0);
              }
            })
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("receiving failed");
  }

  private static Case region(String name, String message, ByteBuffer info) {
    return new Case(name, message, (m, s) -> s.reply(m, info, s.barFile.fd()));
  }

  private static ByteBuffer bar() {
    return ScriptedServer.barInfo(0x1000, 0x1000);
  }

  static Stream<Case> regions() {
    return Stream.of(
        region("other index", "region 5", bar().putInt(8, 5)),
        region("negative size", "18446744073709551615 bytes", bar().putLong(16, -1)),
        region("capability within the info", "malformed", bar().putInt(12, 31)),
        region("capability past the end", "malformed", bar().putInt(12, 57)),
        region("negative offset", "malformed", bar().putInt(12, -8)),
        region("list in a circle", "malformed", bar().putShort(32, (short) 9).putInt(36, 32)),
        region("more areas than bytes", "malformed", bar().putInt(40, 2)),
        region("negative number of areas", "malformed", bar().putInt(40, -1)),
        region("short", "must have 32 or more", ints(32, 3, 0)),
        region("ever more", "or even more", ints(-1, 3, 0, 0, 0, 0, 0, 0)),
        new Case(
            "more than it said",
            "or even more",
            (m, s) -> s.reply(m, ints(m.payload().getInt(0) + 1, 3, 0, 0, 0, 0, 0, 0))),
        new Case(
            "two descriptors",
            "at most 1 desc",
            (m, s) -> s.reply(m, bar(), s.barFile.fd(), s.barFile.fd())));
  }

  @ParameterizedTest
  @MethodSource("regions")
  void regionInfo_thatIsWrong_isAnError(Case wrong) {
    server.on(Message.DEVICE_GET_REGION_INFO, wrong.answer);
    assertOpenFails(wrong);
  }

  @Test
  void device_thatIsNoPciDevice_isAnError() {
    server.on(Message.DEVICE_GET_INFO, (m, s) -> s.reply(m, ints(16, 1, 9, 5)));
    assertThatThrownBy(() -> VfioUserFunction.open(server.address(), ScriptedServer.LIMIT_NS))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("no PCI device");
  }
}
