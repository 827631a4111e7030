package io.nvmedirect.serve;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.emulator.RemoteController;
import io.nvmedirect.emulator.Subsystem;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Processors;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.TimerSlack;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The thread of a server, which owns the sockets, the clients and their controllers. While there is
 * work, and for about 100 µs longer, it polls the controllers round robin, and looks at the sockets now
 * and then. Then it sleeps until a socket is ready.
 *
 * <p>A host that maps the doorbells rings them by stores that nobody tells the server of. Until it uses
 * shadow doorbells, sleeps are short: an eighth of the time that the server has been idle, so that after
 * a pause a command waits at most that much longer, and a server that is long idle uses next to no CPU.
 * With shadow doorbells this is so for the admin queue alone, which can always wait for the longest.
 */
final class ServerThread implements Runnable {

  private static final System.Logger LOG = SafeLogger.of(ServerThread.class);

  /**
   * Polls without work before the thread sleeps: some 100 µs, about what a sleep and a wake-up by a message
   * cost both sides. None on a machine with a single core, where the host would ring its doorbell only
   * afterwards; a host in another process may have a core of which this one has none.
   */
  private static final int SPINS = Processors.online() > 1 ? 1500 : 0;

  /**
   * Time between two looks at the sockets while there is work: a look takes about a microsecond, and that
   * a message waits for so long only the beginning and the end of a connection notice.
   */
  private static final long LOOK_NS = TimeUnit.MICROSECONDS.toNanos(100);

  /** Work between two looks at the clock, in units of a small command. */
  private static final int WORK_PER_CLOCK = 64;

  /** A sleep ends about this much late, with the least timer slack. */
  private static final long WAKE_NS = 15_000;

  private static final long SHORTEST_SLEEP_NS = TimeUnit.MICROSECONDS.toNanos(50);
  private static final long LONGEST_SLEEP_NS = TimeUnit.MILLISECONDS.toNanos(4);
  private static final int IDLE_PER_SLEEP = 8;

  /** Until what there was no memory for is tried again, and how often at the end. */
  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final int MOST_ATTEMPTS = 100;

  private static final AtomicInteger COUNT = new AtomicInteger();

  private final Subsystem subsystem;
  private final Clients clients;
  private final Thread thread;
  private volatile boolean closing;
  private volatile long sleeps;

  /** Why what clients have written may not be there; set before the thread ends. */
  private volatile @Nullable IOException closeFailure;

  /** Why the thread has ended by itself; set before it ends. */
  private volatile @Nullable Throwable failure;

  private final CompletableFuture<@Nullable Void> ended = new CompletableFuture<>();

  // Of the thread.
  private long sleepCount;
  private int work;
  private long lookedNs;
  private int spins;
  private long idleSinceNs;

  ServerThread(Subsystem subsystem, Clients clients) {
    this.subsystem = subsystem;
    this.clients = clients;
    this.thread =
        Thread.ofPlatform().daemon().name("nvme-server-" + COUNT.incrementAndGet()).unstarted(this);
  }

  void start() {
    thread.start();
  }

  /** For tests: how often it has gone to sleep. */
  long sleeps() {
    return sleeps;
  }

  /** For tests: the thread. */
  Thread thread() {
    return thread;
  }

  @Override
  public void run() {
    try {
      TimerSlack.least();
      idleSinceNs = Clock.SYSTEM.nanoTime();
      while (!closing) {
        try {
          turnAndDrop();
        } catch (OutOfMemoryError e) {
          outOfMemory(e);
        }
      }
    } catch (LinuxException | RuntimeException | Error e) {
      failure = e;
      LOG.log(System.Logger.Level.ERROR, thread.getName() + ": the server has ended", e);
    } finally {
      try {
        end();
      } finally {
        ended.complete(null);
      }
    }
  }

  private void turnAndDrop() throws LinuxException {
    try {
      turn();
    } catch (InternalError e) {
      clients.dropFaulty(e);
    }
  }

  /** The process has no memory for what was to be done, maybe for a moment only: it is tried again. */
  private void outOfMemory(OutOfMemoryError e) {
    try {
      Clients.log(thread.getName() + " goes on", e);
    } catch (RuntimeException | Error _) {
      // Not even that has memory.
    }
    Clock.SYSTEM.parkNanos(this, RETRY_NS);
  }

  /** Completes when all is closed, by {@link #close} or because the thread has failed. */
  CompletionStage<@Nullable Void> ended() {
    return ended;
  }

  private void end() {
    try {
      closeClients();
    } finally {
      closeDevice();
    }
  }

  /** Each of them gets as far as it can, and who is left waits for a reply that never comes. */
  private void closeClients() {
    for (int attempt = 1; ; attempt++) {
      try {
        clients.close();
        return;
      } catch (InternalError | OutOfMemoryError e) {
        // Memory of a client's that was gone, on the way out; or the process has none left.
        if (attempt == MOST_ATTEMPTS) {
          throw e;
        }
        Clock.SYSTEM.parkNanos(this, RETRY_NS);
      }
    }
  }

  private void closeDevice() {
    try {
      subsystem.close();
    } catch (IOException e) {
      closeFailure = e;
    }
  }

  private void turn() throws LinuxException {
    int done = clients.poll();
    if (done == 0) {
      pause();
      return;
    }
    spins = 0;
    work += done;
    if (work >= WORK_PER_CLOCK) {
      work = 0;
      long now = Clock.SYSTEM.nanoTime();
      if (now - lookedNs >= LOOK_NS) {
        lookedNs = now;
        clients.look(0);
      }
    }
  }

  private void pause() throws LinuxException {
    if (spins == 0) {
      idleSinceNs = Clock.SYSTEM.nanoTime();
    }
    if (spins <= SPINS) {
      spins++;
      Clock.SYSTEM.spin();
      return;
    }
    long limitNs = limitNs();
    if (limitNs >= 0 && limitNs < 2 * WAKE_NS) {
      limitNs = 0;
    } else {
      sleeps = ++sleepCount;
    }
    if (clients.look(limitNs)) {
      // Who has connected or written a register will ring a doorbell soon.
      idleSinceNs = Clock.SYSTEM.nanoTime();
    }
  }

  /** How long there is nothing to do but for messages; negative for no limit. */
  private long limitNs() {
    boolean mustPoll = subsystem.mustPoll();
    boolean mayBeRung = false;
    long dueNs = Long.MAX_VALUE;
    for (Connection connection : clients.connections()) {
      RemoteController controller = connection.controller();
      if (!clients.isIdle(connection)) {
        return 0;
      }
      mustPoll |= controller.mustPoll();
      mayBeRung |= controller.mayBeRung();
      dueNs = Math.min(dueNs, controller.nextDueNs());
    }
    long now = Clock.SYSTEM.nanoTime();
    long limitNs = dueNs == Long.MAX_VALUE ? Long.MAX_VALUE : Math.max(0, dueNs - now - WAKE_NS);
    if (mustPoll) {
      long share = (now - idleSinceNs) / IDLE_PER_SLEEP;
      limitNs = Math.min(limitNs, Math.clamp(share, SHORTEST_SLEEP_NS, LONGEST_SLEEP_NS));
    }
    if (mayBeRung) {
      limitNs = Math.min(limitNs, LONGEST_SLEEP_NS);
    }
    if (clients.isPaused()) {
      limitNs = Math.min(limitNs, Clients.RETRY_NS);
    }
    return limitNs == Long.MAX_VALUE ? -1 : limitNs;
  }

  /**
   * Ends the server and waits until all is closed.
   *
   * @throws IOException if the device could not keep what was written, or the thread has failed before
   */
  void close() throws IOException {
    closing = true;
    clients.wake();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    throwFailure();
  }

  private void throwFailure() throws IOException {
    Throwable cause = failure;
    IOException lost = closeFailure;
    if (cause != null) {
      IOException failed = new IOException("the server has failed: " + cause, cause);
      if (lost != null) {
        failed.addSuppressed(lost);
      }
      throw failed;
    }
    if (lost != null) {
      throw lost;
    }
  }
}
