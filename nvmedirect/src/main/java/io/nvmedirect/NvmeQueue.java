package io.nvmedirect;

import io.nvmedirect.driver.Backoff;
import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A submission and completion queue pair of an application's own.
 *
 * <p>By default any thread may use it: a short lock is held while commands are posted and while
 * completions are taken, never in a callback and never while waiting. A {@link QueueOption#CONFINED}
 * queue has no lock and belongs to the first thread that does I/O on it.
 */
public final class NvmeQueue implements AutoCloseable {

  /** Empty polls between two looks at the clock for deadlines; one less than a power of two. */
  private static final int EMPTY_POLLS_MASK = 15;

  private final NvmeDevice device;
  private final IoQueue queue;
  private final Set<QueueOption> options;

  /** Null for a confined queue. */
  private final @Nullable ReentrantLock lock;

  /** Reaps asynchronous operations; null for manual completion. */
  private final @Nullable CompletionThread completionThread;

  private final InterruptWaiters interruptWaiters;
  private final AtomicInteger handles = new AtomicInteger();

  /** Operations that the completion thread is to reap. */
  private final AtomicInteger asyncInFlight = new AtomicInteger();

  /** The thread of a confined queue, once it is known. */
  private @Nullable Thread owner;

  private int emptyPolls;
  private volatile boolean closed;

  NvmeQueue(
      NvmeDevice device,
      IoQueue queue,
      EnumSet<QueueOption> options,
      @Nullable CompletionThread completionThread) {
    this.device = device;
    this.queue = queue;
    this.options = Set.copyOf(options);
    this.lock = options.contains(QueueOption.CONFINED) ? null : new ReentrantLock();
    this.completionThread = completionThread;
    this.interruptWaiters = new InterruptWaiters(queue);
  }

  public NvmeDevice device() {
    return device;
  }

  /** Queue identifier, from 1. */
  public int id() {
    return queue.id();
  }

  /** Most commands in flight. */
  public int depth() {
    return queue.depth();
  }

  /** The options that the queue was made with; {@code CONFINED} includes {@code MANUAL_COMPLETION}. */
  public Set<QueueOption> options() {
    return options;
  }

  /** Commands in flight; a large operation has several. */
  public int inFlight() {
    enter();
    try {
      return queue.inFlight();
    } finally {
      exit();
    }
  }

  /**
   * Makes a handle for I/O through this queue.
   *
   * @throws IllegalArgumentException for {@link HandleOption#INTERRUPT} if the queue has no interrupt
   */
  public NvmeHandle createHandle(HandleOption... handleOptions) {
    EnumSet<HandleOption> set = optionSet(handleOptions);
    return createHandle(new NvmeQueue[] {this}, () -> new NvmeHandle(this, set));
  }

  /** Makes a handle over several queues of one device. */
  static NvmeHandle createHandle(
      NvmeQueue[] queues, QueueSelector selector, HandleOption... handleOptions) {
    EnumSet<HandleOption> set = optionSet(handleOptions);
    return createHandle(queues, () -> new NvmeHandle(queues, selector, set));
  }

  private static EnumSet<HandleOption> optionSet(HandleOption... handleOptions) {
    EnumSet<HandleOption> set = EnumSet.noneOf(HandleOption.class);
    set.addAll(List.of(handleOptions));
    return set;
  }

  private static NvmeHandle createHandle(NvmeQueue[] queues, Supplier<NvmeHandle> constructor) {
    int counted = 0;
    NvmeHandle handle = null;
    try {
      for (NvmeQueue queue : queues) {
        // Counted first, so that a close at the same time sees the handle or this thread the close.
        queue.handles.incrementAndGet();
        counted++;
        queue.checkOpen();
      }
      handle = constructor.get();
      return handle;
    } finally {
      for (int i = 0; handle == null && i < counted; i++) {
        queues[i].handleClosed();
      }
    }
  }

  void handleClosed() {
    handles.decrementAndGet();
  }

  /** Handles that are open. */
  int openHandles() {
    return handles.get();
  }

  boolean isConfined() {
    return lock == null;
  }

  // ---- Submission.

  boolean submit(BlockRequest request) throws NvmeException {
    enter();
    try {
      checkOpen();
      return queue.submit(request);
    } finally {
      exit();
    }
  }

  void submitOrQueue(BlockRequest request, boolean ring) throws NvmeException {
    enter();
    try {
      checkOpen();
      if (!queue.submitOrQueue(request) || ring) {
        queue.ring();
      }
    } finally {
      exit();
    }
  }

  /** An asynchronous operation is about to be submitted. */
  void asyncBegins() {
    if (completionThread != null) {
      asyncInFlight.incrementAndGet();
    }
  }

  /** It was submitted: somebody has to reap it. */
  void asyncSubmitted() {
    if (completionThread != null) {
      completionThread.wake();
    }
  }

  /** It is done, or was not submitted. */
  void asyncEnds() {
    if (completionThread != null) {
      asyncInFlight.decrementAndGet();
    }
  }

  boolean hasAsyncInFlight() {
    return asyncInFlight.get() > 0;
  }

  /** Shows the commands that were posted to the device; {@link #poll} does it too. */
  public void ring() {
    enter();
    try {
      checkOpen();
      queue.ring();
    } finally {
      exit();
    }
  }

  // ---- Completion.

  /**
   * Shows posted commands to the device, takes completions and runs their callbacks. Never blocks.
   *
   * @return operations that were completed
   */
  public int poll() {
    BlockRequest finished;
    enter();
    try {
      checkOpen();
      queue.ring();
      reap();
      finished = queue.takeAll();
    } finally {
      exit();
    }
    return finished == null ? 0 : deliver(finished, false);
  }

  /**
   * Reaps for a thread that waits for an operation: no callback runs here.
   *
   * @return operations that were completed
   */
  int pollWhileWaiting() {
    return reapAndDeliver(false);
  }

  /** Reaps and runs callbacks; what they throw is reported, not thrown. */
  int pollForCallbacks() {
    return reapAndDeliver(true);
  }

  private int reapAndDeliver(boolean callbacks) {
    BlockRequest finished = null;
    if (lock == null) {
      enter();
    } else if (!lock.tryLock()) {
      return 0;
    }
    try {
      if (!closed) {
        reap();
        finished = callbacks ? queue.takeAll() : queue.take();
      }
    } finally {
      exit();
    }
    return finished == null ? 0 : deliver(finished, true);
  }

  private void reap() {
    int before = queue.inFlight();
    queue.reap();
    if (before > 0 && before == queue.inFlight() && (++emptyPolls & EMPTY_POLLS_MASK) == 0) {
      queue.checkDeadlines(System.nanoTime());
    }
  }

  /** Runs the callbacks of a list of requests, all of them, whatever some throw. */
  private int deliver(BlockRequest first, boolean report) {
    int delivered = 0;
    RuntimeException thrown = null;
    for (BlockRequest request = first; request != null; ) {
      BlockRequest next = request.unlink();
      try {
        request.deliver();
      } catch (RuntimeException e) {
        if (thrown == null) {
          thrown = e;
        }
        if (report) {
          CompletionThread.report(e);
        }
      }
      delivered++;
      request = next;
    }
    if (thrown != null && !report) {
      throw thrown;
    }
    return delivered;
  }

  /** Waits until an operation is done, reaping for others meanwhile. */
  void await(AsyncIo io, boolean interrupt) {
    for (int idle = 0; !io.isDone(); idle++) {
      if (pollWhileWaiting() > 0) {
        idle = -1;
      } else if (io.isDone()) {
        return;
      } else if (interrupt) {
        interruptWaiters.await(io);
        lookAtDeadlines();
      } else {
        long parkNs = Backoff.spinOrParkNs(idle);
        if (parkNs > 0) {
          io.park(parkNs);
        }
      }
    }
  }

  private void lookAtDeadlines() {
    enter();
    try {
      if (!closed) {
        queue.checkDeadlines(System.nanoTime());
      }
    } finally {
      exit();
    }
  }

  // ---- Ownership.

  private void enter() {
    if (lock != null) {
      lock.lock();
      return;
    }
    Thread current = Thread.currentThread();
    if (owner != current) {
      if (owner != null) {
        throw new IllegalStateException(
            "queue %d is confined to thread \"%s\", this is \"%s\""
                .formatted(id(), owner.getName(), current.getName()));
      }
      owner = current;
    }
  }

  private void exit() {
    if (lock != null) {
      lock.unlock();
    }
  }

  private void checkOpen() {
    if (closed) {
      throw closedException();
    }
  }

  private IllegalStateException closedException() {
    return new IllegalStateException("queue %d of %s is closed".formatted(id(), device.address()));
  }

  /**
   * Deletes the queue. Idempotent.
   *
   * @throws IllegalStateException if handles of the queue are open: it stays open too
   */
  @Override
  public void close() throws IOException {
    if (handles.get() > 0) {
      throw new IllegalStateException(
          "queue %d has open handles, close them first: %d".formatted(id(), handles.get()));
    }
    enter();
    try {
      if (closed) {
        return;
      }
      closed = true;
    } finally {
      exit();
    }
    device.queueClosed(this, queue);
  }
}
