package io.nvmedirect.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.Channel;
import java.nio.channels.InterruptibleChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A wish to end (Ctrl-C), from the shutdown hook to the thread that runs the verb. The hook asks and
 * waits until no device is open; the loops of the verbs {@link #check} once a round and unwind, so that
 * every device is closed in order. A thread that waits in a pipe or a terminal is interrupted; one that
 * waits for a device is not, for it comes back by itself.
 */
final class Stop {

  /** A call that may block for ever and ends when its thread is interrupted. */
  @FunctionalInterface
  interface BlockingCall {
    int run() throws IOException;
  }

  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(10);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition left = lock.newCondition();
  private final Condition wished = lock.newCondition();
  private int sections;
  private @Nullable Thread blocked;
  private boolean finished;
  private volatile boolean requested;

  boolean requested() {
    return requested;
  }

  /**
   * Ends the verb if the user wishes so.
   *
   * @throws InterruptedIOException if {@link #request} was called
   */
  void check() throws InterruptedIOException {
    if (requested) {
      throw new InterruptedIOException("interrupted");
    }
  }

  /** Waits until the user wishes to end, or all is over anyway, of which {@link #look} tells. */
  void await(BooleanSupplier over) {
    lock.lock();
    try {
      while (!requested && !over.getAsBoolean()) {
        wished.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Has {@link #await} look whether all is over. */
  void look() {
    lock.lock();
    try {
      wished.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Starts a stretch that {@link #request} waits for. */
  void enter() throws InterruptedIOException {
    lock.lock();
    try {
      check();
      sections++;
    } finally {
      lock.unlock();
    }
  }

  /** Ends the stretch. */
  void leave() {
    lock.lock();
    try {
      sections--;
      left.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Runs a call, which {@link #request} may interrupt if the channel lets it. */
  int interruptibly(Channel channel, BlockingCall call) throws IOException {
    if (!(channel instanceof InterruptibleChannel)) {
      return call.run();
    }
    mark(Thread.currentThread());
    try {
      return call.run();
    } catch (IOException e) {
      check();
      throw e;
    } finally {
      mark(null);
    }
  }

  private void mark(@Nullable Thread thread) throws InterruptedIOException {
    lock.lock();
    try {
      blocked = thread;
      if (thread == null) {
        boolean _ = Thread.interrupted(); // so that closing the device is not disturbed
      } else {
        check();
      }
    } finally {
      lock.unlock();
    }
  }

  /** The verb has ended by itself. */
  void finish() {
    lock.lock();
    try {
      finished = true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Asks the verb to end, and waits until it has left its stretches, for ten seconds at most.
   *
   * @return whether there was a verb to end
   */
  boolean request() {
    lock.lock();
    try {
      if (finished) {
        return false;
      }
      requested = true;
      wished.signalAll();
      if (blocked != null) {
        blocked.interrupt();
      }
      long remainingNs = PATIENCE_NS;
      while (sections > 0 && remainingNs > 0) {
        remainingNs = left.awaitNanos(remainingNs);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
    return true;
  }
}
