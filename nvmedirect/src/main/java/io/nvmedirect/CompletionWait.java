package io.nvmedirect;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.concurrent.IdleStrategy;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.TimerSlack;
import java.util.concurrent.TimeUnit;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * How threads wait for their operations on a queue, each by the policy of its handle, and reap for
 * others meanwhile. Whoever completes an operation wakes the thread that parks or blocks for it.
 *
 * <p>A virtual thread parks whatever the policy, for nothing else leaves its carrier to others; the
 * queue's completion thread reaps for it.
 *
 * <p>An interrupt of the waiting thread ends no wait, since the device uses the buffer: it is kept for
 * later.
 */
final class CompletionWait {

  /** A look at an operation this long after the last one is no exact sample of its latency. */
  private static final long EXACT_NS = 5_000;

  /** Nothing but deadlines needs a look without having been woken for it. */
  private static final long LONGEST_WAIT_NS = TimeUnit.SECONDS.toNanos(1);

  /** From a completion that was found at the end of a wait until its interrupt, on a busy machine. */
  private static final long INTERRUPT_LATE_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final System.Logger LOG = SafeLogger.of(CompletionWait.class);

  private final NvmeQueue queue;
  private final IoQueue vector;
  private final Clock clock;
  private final IdleStrategy idleStrategy;

  /** Of the idle strategy, bound once: a wait allocates nothing. */
  private final IntToLongFunction spinOrPark;

  private final long longestWaitNs;

  /** Of the threads that poll one does; more would only take each other's core. */
  private final LeaderFollowers pollers;

  /** One of the threads that wait for an interrupt blocks on the vector. */
  private final LeaderFollowers blockers;

  /** Changed by who leads the blockers; volatile for tests. */
  private volatile int missed;

  private volatile int warnings;

  CompletionWait(NvmeQueue queue, IoQueue vector) {
    this.queue = queue;
    this.vector = vector;
    this.clock = vector.clock();
    this.idleStrategy = new IdleStrategy(clock);
    this.spinOrPark = idleStrategy::spinOrParkNs;
    this.longestWaitNs = Math.min(LONGEST_WAIT_NS, vector.lookIntervalNs());
    this.pollers = new LeaderFollowers(clock, longestWaitNs);
    this.blockers = new LeaderFollowers(clock, longestWaitNs);
  }

  /**
   * Waits until an operation is done.
   *
   * @param latencies for {@link CompletionPolicy#HYBRID}: what operations take that were submitted just
   *     now; null if this one was submitted at another time
   */
  void await(AsyncIo io, CompletionPolicy policy, @Nullable LatencyModel latencies) {
    if (io.isDone()) {
      return;
    }
    // What the controller has executed when the doorbell was rung is done now.
    queue.pollWhileWaiting();
    if (!io.isDone() && wait(io, policy, latencies)) {
      Thread.currentThread().interrupt();
    }
  }

  /** All waits return whether the thread was interrupted meanwhile. */
  private boolean wait(AsyncIo io, CompletionPolicy policy, @Nullable LatencyModel latencies) {
    if (Thread.currentThread().isVirtual()) {
      return queue.hasCompletionThread() ? park(io) : pollAndPark(io);
    }
    return switch (policy) {
      case POLL -> pollOrFollow(io, spinOrPark);
      case INTERRUPT -> block(io);
      case HYBRID -> latencies == null ? blockOrPoll(io, spinOrPark) : sleepAndPoll(io, latencies);
    };
  }

  // ---- Platform threads.

  /**
   * Polls, as the leader, until the operation is done.
   *
   * @param backoff waits a little or says how long to park, by the number of polls in a row that found
   *     nothing since a follower came
   */
  private boolean lead(AsyncIo io, IntToLongFunction backoff) {
    boolean interrupted = false;
    int arrivals = pollers.arrivals();
    for (int idle = 0; !io.isDone(); idle++) {
      boolean reaped = queue.pollWhileWaiting() > 0;
      int seen = arrivals;
      arrivals = pollers.arrivals();
      if (reaped || arrivals != seen) {
        idle = -1;
      } else if (!io.isDone()) {
        long parkNs = backoff.applyAsLong(idle);
        if (parkNs > 0) {
          // An interrupted thread does not park.
          interrupted |= Thread.interrupted();
          pollers.parkLeader(io, parkNs, arrivals);
        }
      }
    }
    return interrupted;
  }

  private boolean parkFor(AsyncIo io, long ns) {
    if (ns == 0) {
      return false;
    }
    // An interrupted thread does not park.
    boolean interrupted = Thread.interrupted();
    io.park(clock, ns);
    return interrupted;
  }

  /** Polls, or lets another one of the threads that poll do it. */
  private boolean pollOrFollow(AsyncIo io, IntToLongFunction backoff) {
    boolean interrupted = false;
    while (!io.isDone()) {
      if (pollers.tryLead(io)) {
        try {
          interrupted |= lead(io, backoff);
        } finally {
          pollers.endLead();
        }
      } else {
        interrupted |= pollers.follow(io, true);
        queue.pollWhileWaiting();
      }
    }
    pollers.leave();
    return interrupted;
  }

  /** Blocks on the vector, or lets another one of the threads that block do it. */
  private boolean block(AsyncIo io) {
    boolean interrupted = false;
    while (!io.isDone()) {
      interrupted |= blockers.tryLead(io) ? blockOnVector(io) : blockers.follow(io, false);
      queue.lookAtDeadlines();
      queue.pollWhileWaiting();
    }
    blockers.leave();
    return interrupted;
  }

  private boolean blockOnVector(AsyncIo io) {
    try {
      boolean woken = io.block(vector, longestWaitNs);
      // Before another one leads, who would wait for a signal that was taken here; and not only if
      // the queue is free just now, for there may be no other signal.
      int reaped = queue.reapAfterInterrupt();
      if (!woken && reaped > 0) {
        interruptMissed();
      }
      return false;
    } catch (InterruptedException e) {
      return true;
    } finally {
      blockers.endLead();
    }
  }

  /**
   * A wait was ended by its limit, and there was a completion: its interrupt has not come. That is a fault
   * of the device, or of how it was set up, that shows as nothing but slowness.
   */
  @SuppressWarnings("NonAtomicVolatileUpdate") // one thread leads
  private void interruptMissed() throws InterruptedException {
    if (missed == 0 && vector.awaitInterrupt(INTERRUPT_LATE_NS)) {
      return; // it was only just on its way
    }
    if (missed++ == 0) {
      warnings++;
      LOG.log(
          System.Logger.Level.WARNING,
          "queue {0} of {1}: a completion was there and no interrupt for it came within {2} ms. If that goes on, the device sends no interrupts, and operations take as long: poll instead, or look at the device''s MSI-X (for vfio-user, at its server)",
          queue.id(),
          queue.device().address(),
          TimeUnit.NANOSECONDS.toMillis(longestWaitNs));
    }
  }

  /** For tests: how often that was logged. */
  int warnings() {
    return warnings;
  }

  /** For tests: waits that were ended by their limit with a completion there. */
  int missedInterrupts() {
    return missed;
  }

  private boolean blockOrPoll(AsyncIo io, IntToLongFunction backoff) {
    return vector.hasInterrupt() ? block(io) : pollOrFollow(io, backoff);
  }

  /** Sleeps until shortly before the operation is expected to end, polls, and then blocks. */
  private boolean sleepAndPoll(AsyncIo io, LatencyModel latencies) {
    int kind = LatencyModel.kind(io.opcode(), io.lengthBytes());
    long begunNs = clock.nanoTime();
    boolean interrupted = false;
    long sleepNs = latencies.sleepNs(kind);
    if (sleepNs > 0) {
      interrupted = sleep(io, begunNs + sleepNs);
      queue.pollWhileWaiting();
      long sleptNs = clock.nanoTime() - begunNs;
      if (io.isDone()) {
        latencies.early(kind, sleptNs);
        return interrupted;
      }
      latencies.overslept(sleptNs - sleepNs);
    }
    if (pollers.tryLead(io)) {
      try {
        pollAndLearn(io, begunNs, kind, latencies);
      } finally {
        pollers.endLead();
        pollers.leave();
      }
    }
    interrupted |= blockOrPoll(io, IdleStrategy::parkNs);
    return interrupted;
  }

  /** Polls for as long as the operation may still take, and remembers how long it took. */
  private void pollAndLearn(AsyncIo io, long begunNs, int kind, LatencyModel latencies) {
    long nowNs = clock.nanoTime();
    long untilNs = nowNs + latencies.pollNs(kind);
    while (nowNs - untilNs < 0) {
      clock.spin();
      queue.pollWhileWaiting();
      long lastNs = nowNs;
      nowNs = clock.nanoTime();
      if (io.isDone()) {
        latencies.exact(kind, (nowNs - lastNs < EXACT_NS ? nowNs : lastNs) - begunNs);
        return;
      }
    }
    latencies.late(kind, nowNs - begunNs);
  }

  private boolean sleep(AsyncIo io, long untilNs) {
    boolean interrupted = false;
    int slack = TimerSlack.least();
    try {
      for (long left = untilNs - clock.nanoTime();
          left > 0 && !io.isDone();
          left = untilNs - clock.nanoTime()) {
        interrupted |= parkFor(io, left);
      }
    } finally {
      TimerSlack.restore(slack);
    }
    return interrupted;
  }

  // ---- Virtual threads.

  /** Polls until the operation is done, for longer and longer intervals. */
  private boolean pollAndPark(AsyncIo io) {
    boolean interrupted = false;
    for (int idle = 0; !io.isDone(); idle++) {
      if (queue.pollWhileWaiting() > 0) {
        idle = -1;
      } else if (!io.isDone()) {
        interrupted |= parkFor(io, idleStrategy.yieldOrParkNs(idle));
      }
    }
    return interrupted;
  }

  /** Parks until the completion thread, or whoever reaps before it, has completed the operation. */
  private boolean park(AsyncIo io) {
    boolean interrupted = false;
    queue.asyncBegins();
    try {
      queue.asyncSubmitted();
      while (!io.isDone()) {
        // Without a limit, which is a timer that costs more than the park: the completion thread
        // looks at deadlines.
        interrupted |= Thread.interrupted();
        io.park(clock);
      }
    } finally {
      queue.asyncEnds();
    }
    return interrupted;
  }

  /** Returns when no thread uses the vector any more; no operation is in flight. */
  void close() {
    blockers.close();
  }
}
