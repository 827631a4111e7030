package io.nvmedirect.vfiouser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
class MessageSocketTest {

  private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);
  private static final int MOST_DATA = 10_000;
  private static final int MOST_FDS = 2;

  private long before;
  private UnixSocket peer;
  private MessageSocket socket;

  private static long openFds() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  @BeforeEach
  void connect() throws IOException {
    before = openFds();
    UnixSocket[] pair = UnixSocket.pair();
    peer = pair[0];
    socket = new MessageSocket(pair[1], MOST_DATA, MOST_FDS);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    socket.close();
    peer.close();
    assertThat(openFds()).isEqualTo(before);
  }

  private void send(String hex, int... fds) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(bytes.length);
      segment.copyFrom(MemorySegment.ofArray(bytes));
      assertThat(peer.send(segment, true, fds)).isEqualTo(bytes.length);
    }
  }

  private Message receive(boolean wait) throws IOException {
    return Objects.requireNonNull(socket.receive(wait));
  }

  @Test
  void receive_readsTheHeader() throws IOException {
    send("0201 0900 12000000 21000000 05000000 aabb");
    try (Message message = receive(true)) {
      assertThat(message.id()).isEqualTo(0x102);
      assertThat(message.command()).isEqualTo(Message.REGION_READ);
      assertThat(message.isReply()).isTrue();
      assertThat(message.isError()).isTrue();
      assertThat(message.error()).isEqualTo(5);
      assertThat(message.payload().limit()).isEqualTo(2);
      assertThat(message.payload().getShort(0)).isEqualTo((short) 0xbbaa);
      assertThat(message)
          .hasToString("REGION_READ reply (id 258, 2 bytes, 0 descriptors, errno 5)");
    }
    send("0000 0d00 10000000 10000000 00000000");
    try (Message message = receive(true)) {
      assertThat(message.isReply()).isFalse();
      assertThat(message.wantsReply()).isFalse();
      assertThat(message.payload().limit()).isZero();
    }
  }

  /** Several threads send; the first one that finds no room is not the last to be told. */
  @Test
  void send_afterOneThatDidNotGo_isAnError() {
    ByteBuffer large = MessageSocket.payload(4 << 20);
    assertThatThrownBy(() -> socket.send(1, Message.REGION_WRITE, 0, 0, large, 1_000_000))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("takes no messages");
    assertThatThrownBy(() -> socket.send(2, Message.REGION_WRITE, 0, 0, large, LIMIT_NS))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("earlier message");
  }

  @Test
  void receive_ofPieces_waitsForTheRest() throws IOException {
    assertThat(socket.receive(false)).isNull();
    send("0000 0900 1400");
    assertThat(socket.receive(false)).isNull();
    send("0000 00000000 00000000 01");
    assertThat(socket.receive(false)).isNull();
    send("020304 0100 0900 10000000 00000000 00000000");
    try (Message first = receive(false);
        Message second = receive(false)) {
      assertThat(first.payload().getInt(0)).isEqualTo(0x04030201);
      assertThat(second.id()).isEqualTo(1);
    }
    assertThat(socket.receive(false)).isNull();
  }

  @Test
  void receive_ofTheLargest_growsTheBuffer() throws IOException {
    ByteBuffer payload = MessageSocket.payload(MOST_DATA + 16);
    payload.put(MOST_DATA + 15, (byte) 7);
    try (MessageSocket sender = new MessageSocket(peer, MOST_DATA, MOST_FDS)) {
      sender.send(1, Message.REGION_WRITE, 0, 0, payload, LIMIT_NS);
      sender.send(2, Message.REGION_WRITE, 0, 0, MessageSocket.payload(0), LIMIT_NS);
      try (Message large = receive(true);
          Message small = receive(true)) {
        assertThat(large.payload()).isEqualTo(payload);
        assertThat(small.id()).isEqualTo(2);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"00000000", "0f000000", "ffffffff", "00000080", "21370000"})
  void receive_ofAWrongSize_isAnError(String size) throws IOException {
    send("0000 0900 " + size + " 00000000 00000000");
    assertThatThrownBy(() -> socket.receive(true))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("expected 16 to 14112");
  }

  @Test
  void receive_ofAnEnd_saysWhere() throws IOException {
    send("0000 0900 20000000 00000000 00000000");
    peer.shutdown();
    assertThatThrownBy(() -> socket.receive(true))
        .isInstanceOf(EOFException.class)
        .hasMessageContaining("in a message");
  }

  @Test
  void receive_ofAnEndBetweenMessages_saysSo() {
    peer.shutdown();
    assertThatThrownBy(() -> socket.receive(true))
        .isInstanceOf(EOFException.class)
        .hasMessageContaining("was closed");
  }

  @Test
  void descriptors_belongToTheirMessage_andAreClosedUnlessTaken() throws IOException {
    try (NativeFile file = NativeFile.inMemory("passed", 4096)) {
      send("0000 0200 10000000 00000000 00000000", file.fd(), file.fd());
      send("0100 0200 11000000 00000000 00000000 01", file.fd());
      send("0200 0200 10000000 00000000 00000000");
      try (Message first = receive(true);
          Message second = receive(true);
          Message third = receive(true)) {
        assertThat(first.fdCount()).isEqualTo(2);
        assertThat(second.fdCount()).isEqualTo(1);
        assertThat(third.fdCount()).isZero();
        try (NativeFile taken = first.takeFile(1, "taken")) {
          assertThat(taken.size()).isEqualTo(4096);
        }
        assertThatThrownBy(() -> first.takeFile(1, "again"))
            .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> second.takeEventFd(0)).hasMessageContaining("EINVAL");
      }
    }
  }

  @Test
  void descriptors_tooMany_areAnErrorAndClosed() throws IOException {
    int[] many = new int[UnixSocket.MAX_FDS];
    Arrays.fill(many, peer.fd());
    send("0000 0200 10000000 00000000 00000000", many);
    assertThatThrownBy(() -> socket.receive(true))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("more descriptors than the 2");
  }

  @Test
  void send_writesTheHeader() throws IOException {
    socket.send(
        0x1234,
        Message.DMA_READ,
        Message.REPLY | Message.ERROR,
        14,
        MessageSocket.payload(2).put(0, (byte) 9),
        LIMIT_NS);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment into = arena.allocate(64);
      long n = peer.receive(into, true, new java.util.ArrayDeque<>());
      byte[] bytes = into.asSlice(0, n).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
      assertThat(HexFormat.of().formatHex(bytes))
          .isEqualTo("34120b0012000000" + "210000000e000000" + "0900");
    }
  }

  @Test
  void send_toNobodyWhoReceives_givesUp() {
    ByteBuffer payload = MessageSocket.payload(1 << 20);
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 100; i++) {
                socket.send(i, Message.DMA_WRITE, 0, 0, payload, 1_000_000);
              }
            })
        .isInstanceOf(IOException.class)
        .hasMessageContaining("takes no messages");
  }

  @Test
  void post_withoutRoom_goesOnLater() throws IOException {
    ByteBuffer payload = MessageSocket.payload(4 << 20).put(0, (byte) 3);
    try (NativeFile file = NativeFile.inMemory("passed", 4096);
        MessageSocket receiver = new MessageSocket(peer, 4 << 20, 1)) {
      assertThat(socket.post(1, Message.DMA_WRITE, 0, 0, payload, file.fd())).isFalse();
      assertThatThrownBy(() -> socket.post(2, Message.DMA_WRITE, 0, 0, payload))
          .isInstanceOf(IllegalStateException.class);
      Message message = receiver.receive(false);
      while (message == null) {
        socket.flush();
        message = receiver.receive(false);
      }
      try (Message received = message) {
        assertThat(received.payload()).isEqualTo(payload);
        assertThat(received.fdCount()).isEqualTo(1);
      }
      assertThat(socket.flush()).isTrue();
    }
  }
}
