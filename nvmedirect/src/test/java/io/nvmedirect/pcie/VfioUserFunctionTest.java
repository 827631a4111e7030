package io.nvmedirect.pcie;

import static io.nvmedirect.pcie.ScriptedServer.DOORBELLS;
import static io.nvmedirect.pcie.ScriptedServer.await;
import static io.nvmedirect.pcie.ScriptedServer.openFds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.pcie.ScriptedServer.Seen;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(300)
class VfioUserFunctionTest {

  private static final int EVENTFD_AND_TRIGGER = 0x24;

  @TempDir Path directory;

  private ScriptedServer server;

  @BeforeEach
  void start() throws IOException {
    server = new ScriptedServer(directory.resolve("s"));
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
  }

  private VfioUserFunction open() throws IOException {
    return VfioUserFunction.open(server.address(), ScriptedServer.LIMIT_NS);
  }

  @Test
  void open_ofADirectory_findsTheSocketInIt() throws IOException {
    try (ScriptedServer inside = new ScriptedServer(directory.resolve("cntrl"));
        VfioUserFunction function =
            VfioUserFunction.open(VfioUserAddress.parse("vfio-user:" + directory))) {
      assertThat(inside.seen(Message.VERSION)).hasSize(1);
      assertThat(function.isLost()).isFalse();
    }
  }

  @Test
  void open_ofNothing_namesAddressAndReason() throws IOException {
    Path missing = directory.resolve("missing");
    assertThatThrownBy(() -> VfioUserFunction.open(new VfioUserAddress(missing, 0)))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("cannot open vfio-user:" + missing)
        .hasMessageContaining("no socket");
    Path file = Files.createFile(directory.resolve("file"));
    assertThatThrownBy(() -> VfioUserFunction.open(new VfioUserAddress(file, 0)))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("no server listens");
    Path longName = directory.resolve("x".repeat(120));
    assertThatThrownBy(() -> VfioUserFunction.open(new VfioUserAddress(longName, 0)))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("107 bytes");
  }

  @Test
  void open_serverAcceptsNobody_saysSo() throws Exception {
    Path path = directory.resolve("stopped");
    List<UnixSocket> waiting = new ArrayList<>();
    try (UnixSocket _ = UnixSocket.listen(path)) {
      assertThatThrownBy(
              () -> {
                while (true) {
                  waiting.add(UnixSocket.connect(path, TimeUnit.MILLISECONDS.toNanos(20)));
                }
              })
          .hasMessageContaining("EAGAIN");
      assertThatThrownBy(() ->
              VfioUserFunction.open(
                  new VfioUserAddress(path, 0), TimeUnit.MILLISECONDS.toNanos(20)))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("cannot open vfio-user:" + path)
          .hasMessageContaining("has accepted no client for 20 ms");
    } finally {
      waiting.forEach(UnixSocket::close);
    }
  }

  // ---- Registers.

  @Test
  void registers_areReadAndWrittenByMessages() throws IOException {
    server.registers.putLong(0, 0x0123_4567_89ab_cdefL).putInt(0x1c, -2);
    try (VfioUserFunction function = open()) {
      assertThat(function.read64(0)).isEqualTo(0x0123_4567_89ab_cdefL);
      assertThat(function.read32(0x1c)).isEqualTo(-2);
      function.write32(0x14, 0x46_0001);
      function.write64(0x28, 0x1122_3344_5566_7788L);
      assertThat(server.registers.getInt(0x14)).isEqualTo(0x46_0001);
      assertThat(server.registers.getLong(0x28)).isEqualTo(0x1122_3344_5566_7788L);
      assertThatThrownBy(() -> function.read32(ScriptedServer.BAR_BYTES))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("0x2000");
      assertThatThrownBy(() -> function.announcedDoorbell(ScriptedServer.BAR_BYTES - 2))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void open_setsMemorySpaceAndBusMaster_andCloseClearsTheLatter() throws IOException {
    VfioUserFunction function = open();
    assertThat(server.config[4]).isEqualTo((byte) 6);
    assertThat(server.config[5]).isEqualTo((byte) 4);
    function.close();
    assertThat(server.config[4]).isEqualTo((byte) 2);
  }

  @Test
  void eightBytes_whereTheServerRefusesThem_goByHalves() throws IOException {
    server.registers.putLong(0, 0x0123_4567_89ab_cdefL);
    for (int command : List.of(Message.REGION_READ, Message.REGION_WRITE)) {
      server.on(
          command,
          (m, s) -> {
            if (m.payload().getInt(12) == 8) {
              s.refuse(m, Errno.EINVAL);
            } else {
              s.access(m, m.command() == Message.REGION_WRITE);
            }
          });
    }
    try (VfioUserFunction function = open()) {
      function.write64(0x28, 0x1122_3344_5566_7788L);
      assertThat(server.registers.getLong(0x28)).isEqualTo(0x1122_3344_5566_7788L);
      assertThat(function.read64(0)).isEqualTo(0x0123_4567_89ab_cdefL);
      assertThat(function.isLost()).isFalse();
    }
  }

  @Test
  void refusal_isAnErrorAndNoMore() throws IOException {
    try (VfioUserFunction function = open()) {
      server.on(Message.REGION_READ, (m, s) -> s.refuse(m, Errno.EINVAL));
      assertThatThrownBy(() -> function.read32(0x1c))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("vfio-user:" + directory)
          .hasMessageContaining("REGION_READ of 4 bytes at offset 0x1c of region 0")
          .hasMessageContaining("EINVAL");
      server.on(Message.REGION_READ, (m, s) -> s.access(m, false));
      assertThat(function.read32(0x1c)).isZero();
    }
  }

  @Test
  void interruptedThread_getsItsReply_andStaysInterrupted() throws IOException {
    server.registers.putInt(0x1c, 9);
    try (VfioUserFunction function = open()) {
      Thread.currentThread().interrupt();
      assertThat(function.read32(0x1c)).isEqualTo(9);
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  // ---- Doorbells and mapped areas.

  @Test
  void doorbell_isAStoreThatTheServerSees() throws IOException {
    try (VfioUserFunction function = open()) {
      function.doorbell(DOORBELLS + 8).ring(77);
      assertThat(server.doorbells.get(ValueLayout.JAVA_INT, 8)).isEqualTo(77);
      assertThat(function.read32(DOORBELLS + 8)).as("mapped").isEqualTo(77);
      assertThat(server.seen(Message.REGION_WRITE)).as("but for the configuration").hasSize(1);
    }
  }

  @Test
  void announcedDoorbell_isAMessageWithoutReply() throws Exception {
    try (VfioUserFunction function = open()) {
      function.announcedDoorbell(DOORBELLS + 8).ring(77);
      await(() -> server.seen(Message.REGION_WRITE).size() == 2);
      Seen seen = server.seen(Message.REGION_WRITE).get(1);
      assertThat(seen.wantsReply()).isFalse();
      ByteBuffer bytes = seen.bytes();
      assertThat(bytes.getLong(0)).isEqualTo(DOORBELLS + 8);
      assertThat(bytes.getInt(8)).isZero();
      assertThat(bytes.getInt(12)).isEqualTo(4);
      assertThat(bytes.getInt(16)).isEqualTo(77);
      assertThat(server.doorbells.get(ValueLayout.JAVA_INT, 8)).isZero();
      assertThat(function.isLost()).isFalse();
    }
  }

  @Test
  void announcedDoorbell_refused_endsTheConnection() throws Exception {
    try (VfioUserFunction function = open()) {
      server.on(Message.REGION_WRITE, (m, s) -> s.refuse(m, Errno.EINVAL));
      function.announcedDoorbell(DOORBELLS).ring(1);
      await(function::isLost);
      assertThatThrownBy(() -> function.read32(0)).hasMessageContaining("doorbell");
      function.announcedDoorbell(DOORBELLS).ring(2);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0x1000, 0x2000", // past the region
    "0x1800, 0x800", // no whole pages
    "0x1000, 0", //
    "-4096, 0x1000",
    "0x7ffffffffffff000, 0x1000",
  })
  void area_thatIsWrong_isNotMapped(String offset, String bytes) throws Exception {
    server.on(
        Message.DEVICE_GET_REGION_INFO,
        (m, s) -> {
          if (m.payload().getInt(8) == 0) {
            s.reply(
                m, ScriptedServer.barInfo(Long.decode(offset), Long.decode(bytes)), s.barFile.fd());
          } else {
            s.reply(m, ScriptedServer.ints(32, 3, 7, 0, 256, 0, 0, 0));
          }
        });
    try (VfioUserFunction function = open()) {
      function.doorbell(DOORBELLS).ring(5);
      await(() -> server.seen(Message.REGION_WRITE).size() == 2);
    }
  }

  @Test
  void area_thatTheFileIsTooShortFor_isNotMapped() throws Exception {
    try (var shortFile =
        io.nvmedirect.linux.NativeFile.inMemory("short", ScriptedServer.BAR_BASE + 0x1000)) {
      server.on(
          Message.DEVICE_GET_REGION_INFO,
          (m, s) -> {
            if (m.payload().getInt(8) == 0) {
              s.reply(m, ScriptedServer.barInfo(DOORBELLS, 0x1000), shortFile.fd());
            } else {
              s.reply(m, ScriptedServer.ints(32, 3, 7, 0, 256, 0, 0, 0));
            }
          });
      try (VfioUserFunction function = open()) {
        function.doorbell(DOORBELLS).ring(5);
        await(() -> server.seen(Message.REGION_WRITE).size() == 2);
      }
    }
  }

  @Test
  void regionInfo_thatNeedsMoreRoom_isAskedForAgain() throws IOException {
    server.on(
        Message.DEVICE_GET_REGION_INFO,
        (m, s) -> {
          int index = m.payload().getInt(8);
          if (index != 0) {
            s.reply(m, ScriptedServer.ints(32, 3, index, 0, 256, 0, 0, 0));
          } else if (m.payload().getInt(0) < 10_000) {
            s.reply(m, ScriptedServer.ints(10_000, 0xf, 0, 0, 0x2000, 0, 0x4000, 0));
          } else {
            ByteBuffer info = ScriptedServer.barInfo(DOORBELLS, 0x1000);
            ByteBuffer longer = MessageSocket.payload(10_000).put(0, info, 0, 64);
            s.reply(m, longer.putInt(0, 10_000), s.barFile.fd());
          }
        });
    try (VfioUserFunction function = open()) {
      function.doorbell(DOORBELLS).ring(6);
      assertThat(server.doorbells.get(ValueLayout.JAVA_INT, 0)).isEqualTo(6);
      assertThat(server.seen(Message.DEVICE_GET_REGION_INFO)).hasSize(3);
    }
  }

  // ---- Interrupts.

  @Test
  void vectors_arePassedInAsManyMessagesAsTheyNeed() throws Exception {
    server.capabilities("{\"max_msg_fds\":3}");
    try (VfioUserFunction function = open()) {
      assertThat(function.vectors()).isEqualTo(4);
      assertThat(function.vectors()).as("and once").isEqualTo(4);
      List<Seen> set = server.seen(Message.DEVICE_SET_IRQS);
      assertThat(set).extracting(Seen::fds).containsExactly(3, 1);
      assertThat(set.get(1).payload())
          .isEqualTo(ScriptedServer.ints(20, EVENTFD_AND_TRIGGER, 2, 3, 1).array());
      try (InterruptVector vector = function.vector(3)) {
        assertThat(vector.await(0)).isFalse();
        server.vectors.get(3).signal();
        assertThat(vector.await(ScriptedServer.LIMIT_NS)).isTrue();
      }
    }
    assertThat(server.seen(Message.DEVICE_SET_IRQS).getLast().payload())
        .as("all off")
        .isEqualTo(ScriptedServer.ints(20, 0x21, 2, 0, 0).array());
  }

  /** Power management at 40h, MSI-X at 50h with 4 vectors. */
  private void withCapabilities() {
    ByteBuffer config = ByteBuffer.wrap(server.config).order(ByteOrder.LITTLE_ENDIAN);
    config.putShort(6, (short) 0x10).put(0x34, (byte) 0x40);
    config.putInt(0x40, 0x0003_5001).putShort(0x44, (short) 8);
    config.putInt(0x50, 0x0003_0011);
  }

  private int msixControl() {
    return ByteBuffer.wrap(server.config).order(ByteOrder.LITTLE_ENDIAN).getShort(0x52) & 0xffff;
  }

  @Test
  void vectors_msixIsEnabledAfterTheEventfdsAndBeforeTheFirstUse_andDisabledAtTheEnd()
      throws IOException {
    withCapabilities();
    server.config[0x53] |= 0x40; // all masked
    AtomicInteger whenArmed = new AtomicInteger(-1);
    AtomicInteger whenDisarmed = new AtomicInteger(-1);
    server.on(
        Message.DEVICE_SET_IRQS,
        (m, s) -> {
          (m.fdCount() > 0 ? whenArmed : whenDisarmed).set(msixControl());
          s.setIrqs(m);
        });
    try (VfioUserFunction function = open()) {
      assertThat(msixControl()).isEqualTo(0x4003);
      assertThat(function.vectors()).isEqualTo(4);
      assertThat(whenArmed).hasValue(0x4003);
      assertThat(msixControl()).as("enabled, not masked").isEqualTo(0x8003);
    }
    assertThat(whenDisarmed).hasValue(3);
    assertThat(msixControl()).isEqualTo(3);
  }

  @Test
  void vectors_refused_msixStaysDisabled() throws IOException {
    withCapabilities();
    server.on(Message.DEVICE_SET_IRQS, (m, s) -> s.refuse(m, Errno.EINVAL));
    try (VfioUserFunction function = open()) {
      assertThat(function.vectors()).isZero();
      assertThat(msixControl()).isEqualTo(3);
    }
  }

  @Test
  void reset_givesTheVectorsAgain_andEnablesThem() throws IOException {
    withCapabilities();
    server.on(
        Message.DEVICE_RESET,
        (m, s) -> {
          withCapabilities();
          s.config[4] = 0;
          s.reply(m, MessageSocket.payload(0));
        });
    try (VfioUserFunction function = open()) {
      assertThat(function.vectors()).isEqualTo(4);
      assertThat(function.reset()).isTrue();
      assertThat(server.seen(Message.DEVICE_SET_IRQS)).extracting(Seen::fds).containsExactly(4, 4);
      assertThat(msixControl()).isEqualTo(0x8003);
      assertThat(server.config[4]).isEqualTo((byte) 6);
    }
  }

  @Test
  void open_powersTheFunctionUp_beforeAnythingElse() throws IOException {
    withCapabilities();
    server.config[0x44] |= 3;
    server.config[0x45] |= (byte) 0x80; // an event, which a one would clear
    AtomicInteger command = new AtomicInteger(-1);
    server.on(
        Message.REGION_WRITE,
        (m, s) -> {
          if (m.payload().getInt(8) == 7 && m.payload().getLong(0) == 0x44) {
            command.set(s.config[4]);
            assertThat(m.payload().getShort(16)).isEqualTo((short) 8);
          }
          s.access(m, true);
        });
    try (VfioUserFunction function = open()) {
      assertThat(function.isLost()).isFalse();
      assertThat(command).hasValue(0);
      assertThat(server.config[0x44]).isEqualTo((byte) 8);
      assertThat(server.config[4]).isEqualTo((byte) 6);
    }
  }

  @Test
  void capabilities_inACircleOrOutside_areNone() throws IOException {
    server.config[6] = 0x10;
    server.config[0x34] = 0x40;
    server.config[0x40] = 0x09;
    for (int next : new int[] {0x40, 0x10, 0xfc}) {
      server.config[0x41] = (byte) next;
      server.config[0xfd] = 0x40;
      try (VfioUserFunction function = open()) {
        assertThat(function.vectors()).isEqualTo(4);
      }
      server.close();
      byte[] before = server.config.clone();
      server = new ScriptedServer(directory.resolve("s"));
      System.arraycopy(before, 0, server.config, 0, before.length);
    }
  }

  @Test
  void vectors_thatMustComeAtOnce_areAsManyAsOneMessageHas() throws IOException {
    server
        .capabilities("{\"max_msg_fds\":3}")
        .on(Message.DEVICE_GET_IRQ_INFO, (m, s) -> s.reply(m, ScriptedServer.ints(16, 9, 2, 2048)));
    try (VfioUserFunction function = open()) {
      assertThat(function.vectors()).isEqualTo(3);
      assertThat(server.seen(Message.DEVICE_SET_IRQS)).extracting(Seen::fds).containsExactly(3);
    }
  }

  @Test
  void vectors_refused_areNone() throws IOException {
    server.on(Message.DEVICE_SET_IRQS, (m, s) -> s.refuse(m, Errno.EINVAL));
    try (VfioUserFunction function = open()) {
      assertThat(function.vectors()).isZero();
      assertThatThrownBy(() -> function.vector(0)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void loss_wakesWhoWaitsForAnInterrupt() throws Exception {
    try (VfioUserFunction function = open()) {
      assertThat(function.vectors()).isEqualTo(4);
      try (InterruptVector vector = function.vector(1)) {
        AtomicBoolean woken = new AtomicBoolean();
        Thread waiter =
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    woken.set(vector.await(Long.MAX_VALUE));
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
        server.die();
        waiter.join();
        assertThat(woken).isTrue();
        assertThat(function.isLost()).isTrue();
      }
    }
  }

  // ---- Reset and close.

  @Test
  void reset_isAMessage_andSetsBusMasterAgain() throws IOException {
    server.on(
        Message.DEVICE_RESET,
        (m, s) -> {
          s.config[4] = 0;
          s.reply(m, MessageSocket.payload(0));
        });
    try (VfioUserFunction function = open()) {
      assertThat(function.reset()).isTrue();
      assertThat(server.seen(Message.DEVICE_RESET)).hasSize(1);
      assertThat(server.config[4]).isEqualTo((byte) 6);
    }
  }

  @Test
  void reset_thatIsNotOffered_isNone() throws IOException {
    server.on(Message.DEVICE_GET_INFO, (m, s) -> s.reply(m, ScriptedServer.ints(16, 2, 9, 5)));
    try (VfioUserFunction function = open()) {
      assertThat(function.reset()).isFalse();
      assertThat(server.seen(Message.DEVICE_RESET)).isEmpty();
    }
  }

  @Test
  void close_leavesNoDescriptorOrThread() throws Exception {
    server.close();
    long before = openFds();
    for (boolean lost : new boolean[] {false, true}) {
      server = new ScriptedServer(directory.resolve("s"));
      VfioUserFunction function = open();
      assertThat(function.vectors()).isEqualTo(4);
      try (InterruptVector vector = function.vector(0);
          var small = io.nvmedirect.memory.DmaBuffer.allocate(function.dma(), 4096);
          var large = io.nvmedirect.memory.DmaBuffer.allocate(function.dma(), 1 << 20)) {
        assertThat(small.iova(0)).isNotEqualTo(large.iova(0));
        vector.wake();
        if (lost) {
          server.die();
          await(function::isLost);
        }
        function.close();
        function.close();
        assertThatThrownBy(() -> function.read32(0)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> function.read32(DOORBELLS)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> function.dma().map(small.segment()))
            .isInstanceOf(IOException.class);
      }
      if (!lost) {
        assertThat(server.seen(Message.DMA_UNMAP)).hasSize(1);
      }
      server.close();
      assertThat(openFds()).isEqualTo(before);
      assertThat(Thread.getAllStackTraces().keySet())
          .extracting(Thread::getName)
          .noneMatch(name -> name.startsWith("nvmedirect"));
    }
    server = new ScriptedServer(directory.resolve("s"));
  }

  @Test
  void eventFds_ofTheServer_areTheClients() throws Exception {
    try (VfioUserFunction function = open()) {
      assertThat(function.vectors()).isEqualTo(4);
      for (EventFd event : server.vectors) {
        event.signal();
      }
      for (int i = 0; i < 4; i++) {
        try (InterruptVector vector = function.vector(i)) {
          assertThat(vector.await(0)).as("since before it was opened").isTrue();
        }
      }
    }
  }
}
