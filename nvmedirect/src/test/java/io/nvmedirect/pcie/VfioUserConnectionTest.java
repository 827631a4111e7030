package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a connection does that its own thread cannot go on with. */
@Timeout(120)
class VfioUserConnectionTest {

  /** Longer than the test may take: who waits is told, and does not find out by the time. */
  private static final long TIMEOUT_NS = TimeUnit.HOURS.toNanos(1);

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void receiverThrowsAnError_endsTheConnection_andWhoWaitsIsTold(boolean noMemory)
      throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    AtomicInteger losses = new AtomicInteger();
    FutureTask<Void> server =
        new FutureTask<>(() -> {
          serve(pair[1]);
          return null;
        });
    Thread.ofPlatform().daemon().start(server);
    Error error = noMemory ? new OutOfMemoryError("made by a test") : new StackOverflowError();
    VfioUserConnection.CommandHandler handler =
        (command, reply) -> {
          throw error;
        };
    try (VfioUserConnection connection =
        VfioUserConnection.open(
            pair[0], "the device", TIMEOUT_NS, handler, losses::incrementAndGet)) {
      assertThatThrownBy(() -> connection.order(VfioUserRequest.deviceReset()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the device")
          .hasMessageContaining(noMemory ? "out of memory" : "StackOverflowError");
      assertThat(connection.isLost()).isTrue();
    }
    assertThat(losses).hasValue(1);
    server.get();
  }

  /** Answers VERSION, and a reset with a command of its own. */
  private static void serve(UnixSocket socket) throws IOException {
    try (MessageSocket server = new MessageSocket(socket, 1 << 20, 8)) {
      byte[] json = "{\"capabilities\":{}}\0".getBytes(StandardCharsets.UTF_8);
      try (Message version = Objects.requireNonNull(server.receive(true))) {
        server.send(
            version.id(),
            Message.VERSION,
            Message.REPLY,
            0,
            MessageSocket.payload(4 + json.length).putShort(2, (short) 1).put(4, json),
            TIMEOUT_NS);
      }
      try (Message reset = Objects.requireNonNull(server.receive(true))) {
        assertThat(reset.command()).isEqualTo(Message.DEVICE_RESET);
        server.send(1, Message.DMA_READ, 0, 0, MessageSocket.payload(16), TIMEOUT_NS);
      }
      assertThatThrownBy(() -> server.receive(true)).isInstanceOf(IOException.class);
    }
  }
}
