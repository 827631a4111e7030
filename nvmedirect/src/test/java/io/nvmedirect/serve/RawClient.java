package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A client by single messages, right or wrong; it waits for each answer, and never for ever. */
final class RawClient implements AutoCloseable {

  static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(120);

  private final UnixSocket socket;
  private final MessageSocket messages;
  private int lastId;

  private RawClient(UnixSocket socket) {
    this.socket = socket;
    this.messages = new MessageSocket(socket, MessageSocket.DEFAULT_DATA_BYTES, 16);
  }

  /** Connects and says nothing. */
  static RawClient connect(Path path) throws IOException {
    return new RawClient(UnixSocket.connect(path, LIMIT_NS));
  }

  /** Connects and agrees on version 0.1. */
  static RawClient greet(Path path) throws IOException {
    RawClient client = connect(path);
    try (Message reply = client.request(Message.VERSION, version(0, 1, ""))) {
      assertThat(reply.isError()).isFalse();
    }
    return client;
  }

  static ByteBuffer version(int major, int minor, String json) {
    byte[] text = json.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    return MessageSocket.payload(4 + text.length)
        .putShort((short) major)
        .putShort((short) minor)
        .put(text)
        .rewind();
  }

  /** A payload of 32-bit numbers. */
  static ByteBuffer ints(int... values) {
    ByteBuffer payload = MessageSocket.payload(4 * values.length);
    for (int value : values) {
      payload.putInt(value);
    }
    return payload.rewind();
  }

  static ByteBuffer access(int region, long offset, int count) {
    return MessageSocket.payload(16).putLong(0, offset).putInt(8, region).putInt(12, count);
  }

  static ByteBuffer dmaMap(int flags, long offset, long address, long size) {
    return MessageSocket.payload(32)
        .putInt(0, 32)
        .putInt(4, flags)
        .putLong(8, offset)
        .putLong(16, address)
        .putLong(24, size);
  }

  static ByteBuffer dmaUnmap(long address, long size) {
    return MessageSocket.payload(24).putInt(0, 24).putLong(8, address).putLong(16, size);
  }

  /** Sends a command, and no more. */
  int send(int command, int flags, ByteBuffer payload, int... fds) throws IOException {
    messages.send(++lastId & 0xffff, command, flags, 0, payload, LIMIT_NS, fds);
    return lastId & 0xffff;
  }

  /** Sends bytes as they are. */
  void sendBytes(byte[] bytes, int... fds) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment native_ = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
      for (long at = 0; at < bytes.length; ) {
        long n = socket.send(native_.asSlice(at), false, at == 0 ? fds : new int[0]);
        if (n == UnixSocket.WOULD_BLOCK) {
          assertThat(socket.awaitWritable(LIMIT_NS)).isTrue();
        } else {
          at += n;
        }
      }
    }
  }

  /** Sends a command and takes its answer, which the caller closes. */
  Message request(int command, ByteBuffer payload, int... fds) throws IOException {
    int id = send(command, 0, payload, fds);
    Message reply = receive();
    assertThat(reply.id()).isEqualTo(id);
    assertThat(reply.command()).isEqualTo(command);
    assertThat(reply.isReply()).isTrue();
    return reply;
  }

  /** Sends a command that succeeds, and returns the payload of the answer. */
  ByteBuffer succeed(int command, ByteBuffer payload, int... fds) throws IOException {
    try (Message reply = request(command, payload, fds)) {
      assertThat(reply.isError()).as(reply.toString()).isFalse();
      assertThat(reply.error()).isZero();
      return reply.payload();
    }
  }

  /** Sends a command that fails, and returns the error number of the answer, which has only a header. */
  int fail(int command, ByteBuffer payload, int... fds) throws IOException {
    try (Message reply = request(command, payload, fds)) {
      assertThat(reply.isError()).as(reply.toString()).isTrue();
      assertThat(reply.payload().limit()).isZero();
      assertThat(reply.fdCount()).isZero();
      return reply.error();
    }
  }

  Message receive() throws IOException {
    while (true) {
      assertThat(socket.awaitReadable(LIMIT_NS)).as("the server answers").isTrue();
      Message message = messages.receive(false);
      if (message != null) {
        return message;
      }
    }
  }

  /** Whether the server has disconnected, or does so now; answers before that are dropped. */
  boolean isDisconnected() throws IOException {
    try {
      while (true) {
        receive().close();
      }
    } catch (EOFException e) {
      return true;
    } catch (LinuxException e) {
      return e.errno() == io.nvmedirect.linux.Errno.ECONNRESET;
    }
  }

  int readInt(int region, long offset) throws IOException {
    return succeed(Message.REGION_READ, access(region, offset, 4)).getInt(16);
  }

  long readLong(int region, long offset) throws IOException {
    return succeed(Message.REGION_READ, access(region, offset, 8)).getLong(16);
  }

  void writeInt(int region, long offset, int value) throws IOException {
    ByteBuffer payload = MessageSocket.payload(20).put(0, access(region, offset, 4), 0, 16);
    succeed(Message.REGION_WRITE, payload.putInt(16, value));
  }

  void writeLong(int region, long offset, long value) throws IOException {
    ByteBuffer payload = MessageSocket.payload(24).put(0, access(region, offset, 8), 0, 16);
    succeed(Message.REGION_WRITE, payload.putLong(16, value));
  }

  /** Sets memory space and bus master, and enables MSI-X. */
  void enableFunction() throws IOException {
    writeInt(Message.REGION_CONFIG, 0x04, 6);
    writeInt(Message.REGION_CONFIG, 0x50, 1 << 31);
  }

  void shutdown() {
    socket.shutdown();
  }

  @Override
  public void close() {
    messages.close();
  }
}
