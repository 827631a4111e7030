package io.nvmedirect;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.concurrent.IdleStrategy;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.TimerSlack;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Reaps the asynchronous operations of a device's queues that nobody polls. It starts with the first
 * of them and parks while there are none.
 */
final class CompletionThread {

  private static final System.Logger LOG = SafeLogger.of(CompletionThread.class);

  /** Many that were just submitted keep their submitters reaping, or will be reaped together. */
  private static final int FEW = 8;

  private final String name;
  private final Clock clock;
  private final IdleStrategy idleStrategy;
  private volatile NvmeQueue[] queues = {};
  private volatile boolean parked;

  /** Parks for long although there are operations: few new ones end that. */
  private final AtomicBoolean napping = new AtomicBoolean();

  private volatile boolean closed;
  private volatile @Nullable Thread thread;

  CompletionThread(String name, Clock clock) {
    this.name = name;
    this.clock = clock;
    this.idleStrategy = new IdleStrategy(clock);
  }

  /** What a callback threw where nobody can catch it. Never throws. */
  static void report(Throwable thrown) {
    try {
      LOG.log(System.Logger.Level.ERROR, "a completion callback threw", thrown);
    } catch (RuntimeException | Error _) {
      // The logger never does, but the first call has the JVM make its constants, and load their
      // classes.
    }
  }

  /** Why an operation, which has begun, ends with an error before all of it was posted. Never throws. */
  static void reportUnposted(Throwable thrown) {
    try {
      LOG.log(System.Logger.Level.WARNING, "an operation was not posted as a whole", thrown);
    } catch (RuntimeException | Error _) {
      // Likewise.
    }
  }

  synchronized void add(NvmeQueue queue) {
    NvmeQueue[] next = Arrays.copyOf(queues, queues.length + 1);
    next[next.length - 1] = queue;
    queues = next;
  }

  synchronized void remove(NvmeQueue queue) {
    queues = Arrays.stream(queues).filter(q -> !q.equals(queue)).toArray(NvmeQueue[]::new);
  }

  /**
   * There is something to reap: the caller has counted it before.
   *
   * @param inFlight operations of its queue that this thread is to reap
   */
  void wake(int inFlight) {
    if (thread == null) {
      start();
    }
    if (parked) {
      clock.unpark(thread);
    } else if (napping.get() && inFlight <= FEW && napping.compareAndSet(true, false)) {
      clock.unpark(thread);
    }
  }

  private synchronized void start() {
    if (thread == null && !closed) {
      Thread starting =
          Thread.ofPlatform().daemon().name("nvmedirect-completions " + name).unstarted(this::run);
      clock.start(starting);
      thread = starting;
    }
  }

  private void run() {
    // Short parks between polls leave the core to others, and are as short as they say.
    int idle = -1;
    while (!closed) {
      try {
        if (idle < 0) {
          TimerSlack.least();
          idle = 0;
        }
        idle = turn(idle);
      } catch (RuntimeException | Error e) {
        // All operations of the device need this thread.
        report(e);
        idle = 0;
      }
    }
  }

  /** Reaps once, and waits if there was nothing; returns how often that has happened in a row. */
  private int turn(int idle) {
    boolean waiting = false;
    int reaped = 0;
    // A callback may have left it set, and parking would return at once for ever.
    var _ = Thread.interrupted();
    for (NvmeQueue queue : queues) {
      if (queue.hasAsyncInFlight()) {
        waiting = true;
        reaped += poll(queue);
      }
    }
    if (!waiting) {
      park();
      return 0;
    }
    return reaped > 0 ? 0 : nap(idle);
  }

  /** Waits a little between two polls; returns how many there were in a row that found nothing. */
  private int nap(int idle) {
    if (!IdleStrategy.isLongNap(idle)) {
      idleStrategy.idle(idle);
      return idle + 1;
    }
    // What is submitted now may be faster than what this thread has waited for up to now.
    napping.set(true);
    idleStrategy.idle(idle);
    return napping.getAndSet(false) ? idle + 1 : 0;
  }

  private static int poll(NvmeQueue queue) {
    try {
      return queue.pollForCallbacks();
    } catch (RuntimeException | Error e) {
      // The other operations still need this thread.
      report(e);
      return 0;
    }
  }

  private void park() {
    // Volatile store, then volatile loads: who submits sees this thread parked, or is seen by it.
    parked = true;
    for (NvmeQueue queue : queues) {
      if (queue.hasAsyncInFlight()) {
        parked = false;
        return;
      }
    }
    if (!closed) {
      clock.park(this);
    }
    parked = false;
  }

  /** Ends the thread; nothing is in flight. */
  void close() {
    Thread running;
    synchronized (this) {
      closed = true;
      running = thread;
    }
    if (running != null && running != Thread.currentThread()) {
      clock.unpark(running);
      joinUninterruptibly(running);
    }
  }

  private static void joinUninterruptibly(Thread running) {
    boolean interrupted = false;
    while (true) {
      try {
        running.join();
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
