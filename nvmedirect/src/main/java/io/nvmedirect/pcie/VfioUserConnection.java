package io.nvmedirect.pcie;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Capabilities;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a vfio-user server. Any thread sends commands; a thread of the connection's own, which
 * blocks in the kernel, receives: it hands each reply to whoever waits for it, and answers what the
 * server asks. If the server wants it, its commands have a second socket with a second thread.
 *
 * <p>Whatever does not follow the protocol ends the connection, and so does a reply that does not come:
 * nobody knows then what the server has done. It is <em>lost</em> from then on, and every request fails
 * at once with the reason.
 *
 * <p>{@code lock} owns the table of requests, and is never held during a call to somewhere else.
 */
final class VfioUserConnection implements AutoCloseable {

  /** Descriptors that we take in one message. */
  static final int MOST_FDS = 8;

  /** Data that we take in one message. */
  static final int MOST_DATA_BYTES = MessageSocket.DEFAULT_DATA_BYTES;

  private static final System.Logger LOG = SafeLogger.of(VfioUserConnection.class);

  /** Identifies commands that want no reply; a refusal may come nevertheless. */
  private static final int UNANSWERED = 0;

  private static final int MOST_ID = 0xffff;

  private static final String OUT_OF_MEMORY = "receiving failed: the process is out of memory";

  /** What the server's commands are for. */
  interface CommandHandler {

    /** Answers a command; each one gets one reply. */
    void answer(Message command, Reply reply) throws IOException;

    /** Sends the answer to one command. */
    interface Reply {
      void send(int errno, ByteBuffer payload) throws IOException;
    }
  }

  private final String name;
  private final long timeoutNs;
  private final CommandHandler handler;
  private final Runnable onLoss;
  private final MessageSocket main;
  private final Thread mainReader;
  private @Nullable MessageSocket twin;
  private @Nullable Thread twinReader;
  private Capabilities server = Capabilities.DEFAULTS;

  /** Senders share it, so that nobody sends to a descriptor that is another file's by then. */
  private final ReentrantReadWriteLock open = new ReentrantReadWriteLock();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<Integer, Pending> pending = new HashMap<>();
  private int lastId = UNANSWERED;

  /** Why the connection has ended; null while it lives. Written once, under the lock. */
  private volatile @Nullable String loss;

  /** A request that waits for its reply; the lock owns it. */
  private static final class Pending {
    final VfioUserRequest request;
    @Nullable Message reply;

    Pending(VfioUserRequest request) {
      this.request = request;
    }
  }

  private VfioUserConnection(
      UnixSocket socket, String name, long timeoutNs, CommandHandler handler, Runnable onLoss) {
    this.name = name;
    this.timeoutNs = timeoutNs;
    this.handler = handler;
    this.onLoss = onLoss;
    this.main = new MessageSocket(socket, MOST_DATA_BYTES, MOST_FDS);
    this.mainReader = reader("nvmedirect " + name, main);
  }

  private Thread reader(String threadName, MessageSocket socket) {
    return Thread.ofPlatform().daemon().name(threadName).unstarted(() -> receiveAll(socket));
  }

  /**
   * Agrees with a server on the version and on what both can do.
   *
   * @param socket connected; closed if that fails
   * @param timeoutNs how long a reply may take
   * @param onLoss called once when the connection ends, on the thread that notices it
   */
  static VfioUserConnection open(
      UnixSocket socket, String name, long timeoutNs, CommandHandler handler, Runnable onLoss)
      throws IOException {
    VfioUserConnection made = new VfioUserConnection(socket, name, timeoutNs, handler, onLoss);
    made.mainReader.start();
    try {
      made.negotiate();
      return made;
    } catch (IOException | RuntimeException e) {
      made.close();
      throw e;
    }
  }

  private void negotiate() throws IOException {
    Capabilities ours = new Capabilities(MOST_FDS, MOST_DATA_BYTES, 4096, 65535, true, -1);
    try (Message reply = request(VfioUserRequest.version(ours))) {
      ByteBuffer payload = reply.payload();
      int major = Short.toUnsignedInt(payload.getShort(0));
      int minor = Short.toUnsignedInt(payload.getShort(Short.BYTES));
      if (major != Capabilities.MAJOR || minor > Capabilities.MINOR) {
        throw violated(
            "the server has version %d.%d of the protocol: expected %d.0 to %d.%d"
                .formatted(
                    major, minor, Capabilities.MAJOR, Capabilities.MAJOR, Capabilities.MINOR));
      }
      server = capabilities(payload.position(2 * Short.BYTES));
      int index = server.twinIndex();
      boolean agrees =
          server.twinSocket() ? reply.fdCount() == 1 && index == 0 : reply.fdCount() == 0;
      if (!agrees) {
        throw violated(
            "the server passes %d descriptors with its version, and its twin_socket is %s"
                .formatted(
                    reply.fdCount(), server.twinSocket() ? "descriptor " + index : "not there"));
      }
      if (server.twinSocket()) {
        startTwin(reply.takeSocket(index, name));
      }
    }
  }

  private Capabilities capabilities(ByteBuffer versionData) throws IOException {
    try {
      return Capabilities.decode(versionData);
    } catch (IOException e) {
      throw violated("the server's version data is wrong: " + e.getMessage());
    }
  }

  private void startTwin(UnixSocket socket) {
    MessageSocket made = new MessageSocket(socket, MOST_DATA_BYTES, MOST_FDS);
    Thread thread = reader("nvmedirect commands of " + name, made);
    lock.lock();
    try {
      twin = made;
      twinReader = thread;
      if (loss != null) {
        made.shutdown();
      }
    } finally {
      lock.unlock();
    }
    thread.start();
  }

  /** What the server can do. */
  Capabilities server() {
    return server;
  }

  /** Whether the connection has ended. */
  boolean isLost() {
    return loss != null;
  }

  /** Throws if the connection has ended. */
  void checkOpen(Object what) throws NvmeException {
    String why = loss;
    if (why != null) {
      throw new NvmeException(
          "%s: %s is not possible, the connection is lost: %s".formatted(name, what, why));
    }
  }

  // ---- Commands of ours.

  /**
   * Sends a command and waits for its reply, which the caller closes. An interrupt of the thread ends
   * nothing, and is kept.
   *
   * @throws NvmeException if the server refuses it, or the connection is lost
   */
  Message request(VfioUserRequest request) throws IOException {
    Message reply = exchange(request);
    if (!reply.isError()) {
      return reply;
    }
    try (reply) {
      throw refused(request, reply.error());
    }
  }

  NvmeException refused(VfioUserRequest request, int errno) {
    return new NvmeException(
        "%s: the server refuses %s: %s".formatted(name, request, Errno.describe(errno)));
  }

  /** Like {@link #request}, for a command whose reply says nothing. */
  void order(VfioUserRequest request) throws IOException {
    request(request).close();
  }

  /** Like {@link #request}, but a refusal is a reply. */
  Message exchange(VfioUserRequest request) throws IOException {
    Pending waiting = new Pending(request);
    int id = enter(waiting);
    try {
      send(main, id, request.command(), 0, 0, request.payload(), request.fds());
    } catch (IOException e) {
      lose("%s could not be sent: %s".formatted(request, e.getMessage()));
    }
    if (!await(waiting)) {
      lose(
          "no reply to %s within %d ms"
              .formatted(request, TimeUnit.NANOSECONDS.toMillis(timeoutNs)));
    }
    return leave(id, waiting);
  }

  private int enter(Pending waiting) throws NvmeException {
    lock.lock();
    try {
      checkOpen(waiting.request);
      if (pending.size() == MOST_ID) {
        throw new NvmeException(
            "%s: %d requests wait for the server already".formatted(name, MOST_ID));
      }
      do {
        lastId = lastId == MOST_ID ? UNANSWERED + 1 : lastId + 1;
      } while (pending.containsKey(lastId));
      pending.put(lastId, waiting);
      return lastId;
    } finally {
      lock.unlock();
    }
  }

  /** False if the time is over. */
  private boolean await(Pending waiting) {
    boolean interrupted = false;
    lock.lock();
    try {
      long left = timeoutNs;
      long end = Clock.SYSTEM.nanoTime() + timeoutNs;
      while (waiting.reply == null && loss == null && left > 0) {
        try {
          left = changed.awaitNanos(left);
        } catch (InterruptedException e) {
          interrupted = true;
          left = end - Clock.SYSTEM.nanoTime();
        }
      }
      return waiting.reply != null || loss != null;
    } finally {
      lock.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private Message leave(int id, Pending waiting) throws NvmeException {
    lock.lock();
    try {
      // The identifier may be another request's by now.
      pending.remove(id, waiting);
      Message reply = waiting.reply;
      if (reply == null) {
        checkOpen(waiting.request);
      }
      return Objects.requireNonNull(reply);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Sends a command and waits for nothing. What was written to memory before is seen by a server that
   * receives it, for it goes through the kernel. A loss shows in {@link #isLost}.
   */
  void tell(VfioUserRequest request) {
    if (loss != null) {
      return;
    }
    try {
      send(main, UNANSWERED, request.command(), Message.NO_REPLY, 0, request.payload());
    } catch (IOException e) {
      lose("%s could not be sent: %s".formatted(request, e.getMessage()));
    }
  }

  private void send(
      MessageSocket socket,
      int id,
      int command,
      int flags,
      int errno,
      ByteBuffer payload,
      int... fds)
      throws IOException {
    Lock sending = open.readLock();
    sending.lock();
    try {
      if (loss == null) {
        socket.send(id, command, flags, errno, payload, timeoutNs, fds);
      }
    } finally {
      sending.unlock();
    }
  }

  // ---- What the server sends.

  private void receiveAll(MessageSocket socket) {
    try {
      while (loss == null) {
        Message message = Objects.requireNonNull(socket.receive(true));
        if (message.isReply()) {
          deliver(message);
        } else {
          answer(socket, message);
        }
      }
    } catch (EOFException e) {
      lose("the server is gone: " + e.getMessage());
    } catch (IOException | RuntimeException e) {
      lose("receiving failed: " + e.getMessage());
    } catch (Error e) {
      // A message may be lost, and the next one may begin anywhere; there may be no memory for
      // words.
      lose(e instanceof OutOfMemoryError ? OUT_OF_MEMORY : "receiving failed: " + e);
    }
  }

  private void deliver(Message reply) {
    String complaint;
    lock.lock();
    try {
      Pending waiting = pending.get(reply.id());
      complaint = waiting == null ? unasked(reply) : complaint(waiting.request, reply);
      if (waiting != null && complaint == null) {
        // At once, so that a second reply is one that nobody has asked for.
        pending.remove(reply.id());
        waiting.reply = reply;
        changed.signalAll();
        return;
      }
    } finally {
      lock.unlock();
    }
    reply.close();
    if (complaint != null) {
      lose(complaint);
    }
  }

  private static @Nullable String complaint(VfioUserRequest request, Message reply) {
    String wrong = request.complaint(reply);
    return wrong == null ? null : "to %s came %s: %s".formatted(request, reply, wrong);
  }

  /** What is wrong with a reply that nobody waits for; null if it agrees to what wanted no reply. */
  private static @Nullable String unasked(Message reply) {
    if (reply.id() == UNANSWERED && reply.command() == Message.REGION_WRITE) {
      return reply.isError()
          ? "the server refuses to have a doorbell rung: " + Errno.describe(reply.error())
          : null;
    }
    return "nobody has asked for the %s".formatted(reply);
  }

  private void answer(MessageSocket socket, Message command) throws IOException {
    try (command) {
      CommandHandler.Reply reply =
          (errno, payload) -> {
            if (command.wantsReply()) {
              int flags = Message.REPLY | (errno == 0 ? 0 : Message.ERROR);
              send(socket, command.id(), command.command(), flags, errno, payload);
            }
          };
      handler.answer(command, reply);
    }
  }

  // ---- The end.

  /** Ends the connection because of what the server has sent, and says so. */
  NvmeException violated(String reason) {
    lose(reason);
    return new NvmeException("%s: %s".formatted(name, reason));
  }

  /** Ends the connection; the first reason counts. */
  private void lose(String reason) {
    MessageSocket second;
    lock.lock();
    try {
      if (loss != null) {
        return;
      }
      loss = reason;
      second = twin;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    try {
      main.shutdown();
      if (second != null) {
        second.shutdown();
      }
      LOG.log(System.Logger.Level.DEBUG, "{0}: {1}", name, reason);
    } finally {
      onLoss.run();
    }
  }

  /** Ends the connection, and returns when its threads have ended. Idempotent. */
  @Override
  public void close() {
    lose("it was closed");
    // Once more, for there may have been no memory to do it; the threads wait for it.
    main.shutdown();
    if (twin != null) {
      twin.shutdown();
    }
    join(mainReader);
    if (twinReader != null) {
      join(twinReader);
    }
    Lock closing = open.writeLock();
    closing.lock();
    try {
      main.close();
      if (twin != null) {
        twin.close();
      }
    } finally {
      closing.unlock();
    }
  }

  @Override
  public String toString() {
    return name;
  }

  private static void join(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
