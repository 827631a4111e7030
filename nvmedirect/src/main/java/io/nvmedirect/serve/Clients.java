package io.nvmedirect.serve;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.emulator.RemoteController;
import io.nvmedirect.emulator.Subsystem;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.PollSet;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.UnixSocket;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The sockets of a server and who has connected. Whatever a client does ends its own connection at most.
 * Belongs to the server's thread, but for {@link #add} and {@link #wake}.
 *
 * <p>A socket has one client at a time. Others that connect meanwhile are disconnected at once: their
 * user learns that the device is taken, where a place in the queue would look like a server that hangs.
 */
final class Clients implements AutoCloseable {

  private static final System.Logger LOG = SafeLogger.of(Clients.class);

  /** Until a client is accepted again, after the process had no descriptor for one. */
  static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private final Subsystem subsystem;
  private final Subsystem.Limits limits;
  private final RegionLimit regionLimit;
  private final PollSet ready;
  private final EventFd wake;
  private final Queue<Listener> added = new ConcurrentLinkedQueue<>();
  private final List<Listener> listeners = new ArrayList<>();
  private final List<Connection> connections = new ArrayList<>();

  private final MappingBudget budget = new MappingBudget();

  /**
   * The one whose messages or commands are looked at, or were last: who has caused what goes wrong, which
   * may show a little later.
   */
  private @Nullable Connection current;

  /** Listeners that wait for nobody, because the process has no descriptors left. */
  private final List<Listener> paused = new ArrayList<>();

  private long pausedNs;

  Clients(Subsystem subsystem, Subsystem.Limits limits, RegionLimit regionLimit)
      throws LinuxException {
    this.subsystem = subsystem;
    this.limits = limits;
    this.regionLimit = regionLimit;
    this.ready = new PollSet();
    try {
      this.wake = EventFd.create();
    } catch (LinuxException | RuntimeException | Error e) {
      ready.close();
      throw e;
    }
    ready.add(wake.fd());
  }

  /** From any thread: listens at one more socket. */
  void add(Listener listener) {
    added.add(listener);
    wake.signal();
  }

  /** From any thread: ends a {@link #look} that waits. */
  void wake() {
    wake.signal();
  }

  /** All who have connected; not to be changed. */
  List<Connection> connections() {
    return connections;
  }

  /** Has all controllers do a turn; returns how much they had to do. */
  int poll() {
    // What clients have left behind ends, even if nobody is there.
    int done = connections.isEmpty() ? subsystem.poll() : 0;
    for (int i = 0; i < connections.size(); i++) {
      Connection connection = connections.get(i);
      current = connection;
      try {
        done += connection.controller().poll();
      } catch (RuntimeException e) {
        fail(connection, e);
      }
    }
    return done;
  }

  /**
   * Whether a client's controller has nothing to do now. It writes to the client's memory, that it wants
   * to be told of what comes.
   */
  boolean isIdle(Connection connection) {
    current = connection;
    return connection.controller().isIdle();
  }

  /** Whether accepting has to be tried again after a while, for nothing tells when it can go on. */
  boolean isPaused() {
    return !paused.isEmpty();
  }

  /**
   * Waits until a socket is ready, and serves all that are.
   *
   * @param timeoutNs 0 only looks; negative has no limit
   * @return whether there was anything
   */
  boolean look(long timeoutNs) throws LinuxException {
    takeAdded();
    if (!paused.isEmpty() && Clock.SYSTEM.nanoTime() - pausedNs >= RETRY_NS) {
      paused.forEach(l -> ready.add(l.fd()));
      paused.clear();
    }
    if (ready.await(timeoutNs) == 0) {
      return false;
    }
    if (ready.isReady(wake.fd())) {
      wake.drain();
    }
    // Connections first, so that who leaves makes room for who comes.
    for (Connection connection : List.copyOf(connections)) {
      if (ready.isReady(connection.fd())) {
        serve(connection);
      }
    }
    for (Listener listener : listeners) {
      if (!paused.contains(listener) && ready.isReady(listener.fd())) {
        accept(listener);
      }
    }
    return true;
  }

  /** What there is no memory for now is left for the next look. */
  private void takeAdded() {
    for (Listener next = added.peek(); next != null; next = added.peek()) {
      if (!listeners.contains(next)) {
        listeners.add(next);
      }
      ready.add(next.fd());
      added.remove();
    }
  }

  private void serve(Connection connection) {
    current = connection;
    boolean blocked = connection.isBlocked();
    try {
      connection.serve();
      if (connection.isBlocked() != blocked) {
        ready.awaitRoom(connection.fd(), !blocked);
      }
    } catch (IOException e) {
      end(connection, e);
    } catch (RuntimeException | OutOfMemoryError e) {
      fail(connection, e);
    }
  }

  private void accept(Listener listener) throws LinuxException {
    UnixSocket socket;
    try {
      socket = listener.accept();
    } catch (LinuxException e) {
      if (e.errno() != Errno.EAGAIN) {
        LOG.log(System.Logger.Level.WARNING, "{0}: {1}", listener, e.getMessage());
        ready.remove(listener.fd());
        paused.add(listener);
        pausedNs = Clock.SYSTEM.nanoTime();
      }
      return;
    }
    Connection before = listener.connection;
    if (before != null && hasLeft(before)) {
      drop(before);
    }
    if (listener.connection != null) {
      LOG.log(System.Logger.Level.DEBUG, "{0}: a second client was disconnected", listener);
      socket.close();
      return;
    }
    connect(listener, socket);
  }

  /** Looks again: the client may have left just before the other one came. */
  private boolean hasLeft(Connection connection) throws LinuxException {
    return ready.await(0) > 0 && ready.isHungUp(connection.fd());
  }

  private void connect(Listener listener, UnixSocket socket) {
    RemoteController controller = null;
    Connection connection = null;
    try {
      controller = subsystem.connect(limits);
      connection = new Connection(socket, controller, budget, regionLimit);
      connections.add(connection);
      ready.add(connection.fd());
      listener.connection = connection;
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      if (connection != null) {
        connections.remove(connection);
      }
      if (controller != null) {
        controller.close();
      }
      socket.close();
      log(listener + ": a client was disconnected: " + e.getMessage(), e);
    }
  }

  /** The connection has ended. */
  private void end(Connection connection, IOException reason) {
    boolean left =
        reason instanceof EOFException
            || (reason instanceof LinuxException e
                && (e.errno() == Errno.EPIPE || e.errno() == Errno.ECONNRESET));
    LOG.log(
        left ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING,
        "{0}: {1}",
        connection,
        reason.getMessage());
    drop(connection);
  }

  private void fail(Connection connection, Throwable thrown) {
    drop(connection);
    log(connection + ": the client is disconnected", thrown);
  }

  /** Logs what was thrown. */
  static void log(String what, Throwable thrown) {
    LOG.log(System.Logger.Level.WARNING, what, thrown);
  }

  private void drop(Connection connection) {
    connections.remove(connection);
    ready.remove(connection.fd());
    for (Listener listener : listeners) {
      if (listener.connection == connection) {
        listener.connection = null;
      }
    }
    try {
      connection.close();
    } catch (RuntimeException | OutOfMemoryError e) {
      log(connection + ": while disconnecting it", e);
    }
  }

  /**
   * Memory of a client's was not there: SIGBUS, which the JVM turns into an InternalError, maybe a
   * little later. Drops those who have caused it, and always somebody, so that it cannot go on for ever.
   */
  void dropFaulty(InternalError fault) {
    List<Connection> faulty = faulty();
    if (faulty.isEmpty()) {
      throw fault; // it is no client's memory
    }
    for (Connection connection : faulty) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: the client is disconnected: its memory is gone: {1}",
          connection,
          fault.getMessage());
      drop(connection);
    }
  }

  /**
   * The clients whose files have become shorter. If there are none, a file may be whole again, or its file
   * system is full: then it is the one that was looked at if it can shorten what it has mapped, else all
   * who can, else the one that was looked at, else everybody.
   */
  private List<Connection> faulty() {
    List<Connection> shortened = connections.stream().filter(Connection::isTruncated).toList();
    if (!shortened.isEmpty()) {
      return shortened;
    }
    List<Connection> suspects = connections.stream().filter(Connection::mayShrink).toList();
    List<Connection> looked = connections.stream().filter(c -> c.equals(current)).toList();
    if (suspects.isEmpty()) {
      return looked.isEmpty() ? List.copyOf(connections) : looked;
    }
    return suspects.containsAll(looked) && !looked.isEmpty() ? looked : suspects;
  }

  /** Disconnects all clients and deletes the sockets' files. */
  @Override
  public void close() {
    for (Connection connection : List.copyOf(connections)) {
      drop(connection);
    }
    for (Listener next = added.poll(); next != null; next = added.poll()) {
      listeners.add(next);
    }
    listeners.forEach(Listener::close);
    ready.close();
    wake.close();
  }
}
