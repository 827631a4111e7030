package io.nvmedirect.serve;

import io.nvmedirect.emulator.RemoteController;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.vfiouser.Capabilities;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A client: takes its messages in order, and answers each before it looks at the next one. It never
 * waits; while a reply does not fit into the socket, no message is taken. Belongs to the server's thread.
 */
final class Connection implements AutoCloseable {

  private static final System.Logger LOG = SafeLogger.of(Connection.class);

  /** Clients send the eventfds of many vectors in several messages; QEMU refuses a server that takes more. */
  static final int MOST_FDS = 16;

  /** Messages of one turn, so that a client that sends without end does not hold up the others. */
  private static final int MOST_MESSAGES = 16;

  private static final int VERSION_BYTES = 4;

  private final String name;
  private final MessageSocket socket;
  private final RemoteFunction function;
  private final Capabilities capabilities;
  private boolean greeted;
  private boolean blocked;

  Connection(
      UnixSocket socket, RemoteController controller, MappingBudget budget, RegionLimit limit) {
    this.name = socket.toString();
    this.socket = new MessageSocket(socket, MessageSocket.DEFAULT_DATA_BYTES, MOST_FDS);
    this.function = new RemoteFunction(controller, budget, limit);
    this.capabilities =
        new Capabilities(
            MOST_FDS,
            MessageSocket.DEFAULT_DATA_BYTES,
            Capabilities.DEFAULTS.pageSizes(),
            limit.told(),
            false,
            -1);
  }

  int fd() {
    return socket.fd();
  }

  RemoteController controller() {
    return function.controller();
  }

  /** Whether it waits for room for a reply, and not for a message. */
  boolean isBlocked() {
    return blocked;
  }

  /** Whether the client has shortened a file that is mapped. */
  boolean isTruncated() {
    return function.isTruncated();
  }

  /** Whether the client has mapped a file that it can shorten. */
  boolean mayShrink() {
    return function.mayShrink();
  }

  /**
   * Answers messages as far as they are there and replies can be sent.
   *
   * @throws IOException if the connection has ended, or does not follow the protocol
   */
  void serve() throws IOException {
    if (blocked && !socket.flush()) {
      return;
    }
    blocked = false;
    for (int i = 0; i < MOST_MESSAGES && !blocked; i++) {
      try (Message message = socket.receive(false)) {
        if (message == null) {
          return;
        }
        handle(message);
      }
    }
  }

  private void handle(Message message) throws IOException {
    if (!message.isCommand()) {
      throw new IOException(
          "the client sent a message of another type than command: "
              + Message.name(message.command()));
    }
    Reply reply;
    try {
      reply = greeted ? function.answer(message) : greet(message);
      greeted = true;
    } catch (BadRequestException e) {
      refuse(message, e.errno(), e);
      return;
    } catch (LinuxException e) {
      refuse(message, e.errno(), e);
      return;
    }
    reply(message, Message.REPLY, 0, reply.payload(), reply.fds());
  }

  private void refuse(Message message, int errno, Exception reason) throws IOException {
    LOG.log(System.Logger.Level.DEBUG, "{0}: {1}: {2}", name, message, reason.getMessage());
    reply(message, Message.REPLY | Message.ERROR, errno, MessageSocket.payload(0));
    if (!greeted) {
      throw new IOException("the client did not begin with a VERSION that can be served");
    }
  }

  private void reply(Message message, int flags, int errno, ByteBuffer payload, int... fds)
      throws LinuxException {
    if (message.wantsReply()) {
      blocked = !socket.post(message.id(), message.command(), flags, errno, payload, fds);
    }
  }

  /** VERSION: the same major version, a minor one that both know, and what this side can do. */
  private Reply greet(Message message) throws BadRequestException {
    ByteBuffer request = message.payload();
    if (message.command() != Message.VERSION || request.limit() < VERSION_BYTES) {
      throw new BadRequestException(Errno.EINVAL, "a client begins with VERSION");
    }
    int minor = Short.toUnsignedInt(request.getShort(2));
    if (request.getShort(0) != Capabilities.MAJOR) {
      throw new BadRequestException(
          Errno.EINVAL,
          "the major version is %d: %d"
              .formatted(Capabilities.MAJOR, Short.toUnsignedInt(request.getShort(0))));
    }
    try {
      Capabilities.decode(request.slice(VERSION_BYTES, request.limit() - VERSION_BYTES));
    } catch (IOException e) {
      throw new BadRequestException(Errno.EINVAL, "bad capabilities: " + e.getMessage());
    }
    ByteBuffer reply = capabilities.encode();
    return new Reply(reply.putShort(2, (short) Math.min(minor, Capabilities.MINOR)));
  }

  @Override
  public String toString() {
    return name;
  }

  @Override
  public void close() {
    try {
      function.close();
    } finally {
      socket.close();
    }
  }
}
