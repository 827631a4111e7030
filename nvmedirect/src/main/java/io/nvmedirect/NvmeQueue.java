package io.nvmedirect;

import io.nvmedirect.concurrent.BriefLock;
import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.Flow;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.transport.StackRoom;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A submission and completion queue pair of an application's own.
 *
 * <p>Posting and ringing are separate: however many operations are posted with an {@link AsyncIo}, one
 * {@link #ring} or {@link #poll} shows them all to the device, by one write of a doorbell, and one more
 * tells the device of all completions that a poll takes. A full queue is rung at once, for what is
 * posted has to go before there is room.
 *
 * <p>By default any thread may use it: a short lock is held while commands are posted and while
 * completions are taken, never in a callback and never while waiting. A {@link QueueOption#CONFINED}
 * queue has no lock and belongs to the first thread that does I/O on it.
 */
public final class NvmeQueue implements AutoCloseable {

  /** Polls between two looks at the clock for deadlines; those that find nothing count four times. */
  private static final int POLLS_PER_LOOK = 64;

  private static final int CLOSED = -1;

  /** How deep the thread is in delivering completions. */
  private static final ThreadLocal<int[]> DELIVERING = ThreadLocal.withInitial(() -> new int[1]);

  private final NvmeDevice device;
  private final IoQueue queue;
  private final QueuePriority priority;
  private final Set<QueueOption> options;

  /** Null for a confined queue. */
  private final @Nullable BriefLock lock;

  /** Reaps asynchronous operations; null for manual completion. */
  private final @Nullable CompletionThread completionThread;

  private final CompletionWait completionWait;

  /** Open handles, or CLOSED: one word, so that a queue with a handle never closes. */
  private final AtomicInteger handles = new AtomicInteger();

  /** Operations that the completion thread is to reap. */
  private final AtomicInteger asyncInFlight = new AtomicInteger();

  /** The thread of a confined queue, once it is known. */
  private final AtomicReference<@Nullable Thread> owner = new AtomicReference<>();

  private int polls;
  private volatile boolean closed;

  NvmeQueue(
      NvmeDevice device,
      IoQueue queue,
      QueuePriority priority,
      Set<QueueOption> options,
      @Nullable CompletionThread completionThread) {
    this.device = device;
    this.queue = queue;
    this.priority = priority;
    this.options = Set.copyOf(options);
    this.lock = options.contains(QueueOption.CONFINED) ? null : new BriefLock();
    this.completionThread = completionThread;
    this.completionWait = new CompletionWait(this, queue);
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

  /** The priority that the queue was made with; see {@link NvmeDevice#hasQueuePriorities}. */
  public QueuePriority priority() {
    return priority;
  }

  /** The options that the queue was made with; {@code CONFINED} includes {@code MANUAL_COMPLETION}. */
  public Set<QueueOption> options() {
    return options;
  }

  /** Commands in flight; a large operation has several. */
  public int inFlight() {
    return queue.inFlight();
  }

  /**
   * Makes a handle for I/O through this queue.
   *
   * @throws IllegalArgumentException for {@link HandleOption#INTERRUPT} if the queue has no interrupt
   */
  public NvmeHandle createHandle(HandleOption... handleOptions) {
    StackRoom.check();
    return createHandle(new NvmeQueue[] {this}, null, handleOptions);
  }

  /** Makes a handle over several queues of one device, or one without a selector. */
  static NvmeHandle createHandle(
      NvmeQueue[] queues, @Nullable QueueSelector selector, HandleOption... handleOptions) {
    EnumSet<HandleOption> set = EnumSet.noneOf(HandleOption.class);
    set.addAll(List.of(handleOptions));
    int counted = 0;
    NvmeHandle handle = null;
    try {
      for (NvmeQueue queue : queues) {
        queue.handleOpens();
        counted++;
      }
      handle = new NvmeHandle(queues, selector, set);
      return handle;
    } finally {
      for (int i = 0; handle == null && i < counted; i++) {
        queues[i].handleClosed();
      }
    }
  }

  private void handleOpens() {
    if (handles.getAndUpdate(n -> n == CLOSED ? CLOSED : n + 1) == CLOSED) {
      throw closedException();
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

  boolean isConfinedToThisThread() {
    return lock == null && owner.getPlain() == Thread.currentThread();
  }

  // ---- Submission.

  /** Whether commands of this queue can carry all of a vector, which is whole blocks. */
  boolean carries(DmaVector data, Namespace namespace) {
    return queue.carries(data, namespace);
  }

  boolean submit(BlockRequest request) throws NvmeException {
    enter();
    try {
      checkOpen();
      boolean submitted = queue.submit(request);
      if (!submitted) {
        // What is posted has to go before there is room.
        queue.ring();
      }
      return submitted;
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

  /**
   * Submits, rings, and reaps what is done by then, for a thread that is going to wait: no callback runs
   * here. What throws, throws before the request is submitted.
   */
  void submitAndReap(BlockRequest request) throws NvmeException {
    enter();
    boolean submitted = false;
    try {
      checkOpen();
      queue.submitOrQueue(request);
      submitted = true;
    } finally {
      if (!submitted) {
        exit();
      }
    }
    try {
      ringReapAndExit();
    } catch (RuntimeException | Error e) {
      // It would be taken for a refusal. Who waits reaps again, and finds it out.
      CompletionThread.report(e);
    }
  }

  private void ringReapAndExit() {
    try {
      queue.ring();
    } finally {
      reapAndExit(false);
    }
  }

  /**
   * Gives the requests of a flow a priority and a weight. Does not make a confined queue the calling
   * thread's.
   */
  void schedule(Flow flow, PriorityClass priority, int weight) {
    Thread before = owner.get();
    enter();
    try {
      checkOpen();
      queue.schedule(
          flow,
          switch (priority) {
            case LATENCY -> Flow.LATENCY;
            case NORMAL -> Flow.NORMAL;
            case BATCH -> Flow.BATCH;
          },
          weight);
    } finally {
      exit();
      if (lock == null && before != Thread.currentThread()) {
        owner.set(null);
      }
    }
  }

  /** Whether somebody reaps operations that nobody polls for. */
  boolean hasCompletionThread() {
    return completionThread != null;
  }

  /** The completion thread is about to be needed for an operation. */
  void asyncBegins() {
    if (completionThread != null) {
      asyncInFlight.incrementAndGet();
    }
  }

  /** The operation was submitted: somebody has to reap it. */
  void asyncSubmitted() {
    if (completionThread != null) {
      completionThread.wake(asyncInFlight.get());
    }
  }

  /** The operation is done, or was not submitted. */
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
    StackRoom.check();
    show();
  }

  /** {@link #ring}, in a call that has room on the stack. */
  void show() {
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
   * Shows posted commands to the device, takes completions and runs their callbacks. Does not wait for
   * any; only to abort a command that has taken too long it waits for the controller.
   *
   * @return operations that were completed
   */
  public int poll() {
    StackRoom.check();
    BlockRequest finished;
    boolean scheduled;
    enter();
    try {
      checkOpen();
      queue.ring();
      reap();
      finished = queue.takeAll();
      scheduled = ringsAfter(finished, true);
    } finally {
      exit();
    }
    return scheduled ? deliverAndRing(finished, false) : deliverAll(finished, false);
  }

  /**
   * Reaps for a thread that waits for an operation: no callback runs here.
   *
   * @return operations that were completed; 0 also if another thread has the queue
   */
  int pollWhileWaiting() {
    return reapAndDeliver(false);
  }

  /**
   * Rings and reaps, if this thread may and no other one does just now, for a thread that waits for
   * something else: no callback runs here.
   *
   * @return operations that were completed
   */
  int ringAndReap() {
    if (lock == null) {
      // Idle, it may be closed by another thread, for no handle has operations on it.
      if (owner.getPlain() != Thread.currentThread() || queue.isIdle()) {
        return 0;
      }
    } else if (!lock.tryLock()) {
      return 0;
    }
    boolean rung = false;
    try {
      if (!closed) {
        queue.ring();
      }
      rung = true;
    } finally {
      if (!rung) {
        exit();
      }
    }
    return reapAndExit(false);
  }

  /** Like {@link #pollWhileWaiting}, and runs callbacks; what they throw is reported, not thrown. */
  int pollForCallbacks() {
    return reapAndDeliver(true);
  }

  /**
   * Reaps for a thread that was woken to do it, and so waits for whoever has the queue.
   *
   * @return operations that were completed
   */
  int reapAfterInterrupt() {
    enter();
    return reapAndExit(false);
  }

  private int reapAndDeliver(boolean callbacks) {
    if (lock == null) {
      enter();
    } else if (!lock.tryLock()) {
      return 0;
    }
    return reapAndExit(callbacks);
  }

  private int reapAndExit(boolean callbacks) {
    BlockRequest finished = null;
    boolean scheduled = false;
    try {
      if (!closed) {
        reap();
        finished = callbacks ? queue.takeAll() : queue.take();
        scheduled = ringsAfter(finished, callbacks);
      }
    } finally {
      exit();
    }
    return scheduled ? deliverAndRing(finished, true) : deliverAll(finished, true);
  }

  /**
   * Lets what waits in the scheduler follow what has completed.
   *
   * @return whether that is still to be done, when callbacks have submitted: then all have their share
   */
  private boolean ringsAfter(@Nullable BlockRequest finished, boolean callbacks) {
    if (!queue.isScheduled()) {
      return false;
    }
    if (callbacks && finished != null) {
      return true;
    }
    queue.ring();
    return false;
  }

  private int deliverAndRing(@Nullable BlockRequest finished, boolean report) {
    try {
      return deliverAll(finished, report);
    } finally {
      enter();
      try {
        if (!closed) {
          queue.ring();
        }
      } finally {
        exit();
      }
    }
  }

  private int deliverAll(@Nullable BlockRequest finished, boolean report) {
    return finished == null ? 0 : deliver(finished, report);
  }

  private void reap() {
    int before = queue.inFlight();
    queue.reap();
    int left = queue.inFlight();
    if (left == 0) {
      return;
    }
    polls += left == before ? 4 : 1;
    if (polls >= POLLS_PER_LOOK) {
      polls = 0;
      queue.checkDeadlines(queue.clock().nanoTime());
    }
  }

  /** Runs the callbacks of a list of requests, all of them, whatever some throw. */
  private int deliver(BlockRequest first, boolean report) {
    int delivered = 0;
    Throwable thrown = null;
    int[] delivering = DELIVERING.get();
    delivering[0]++;
    for (BlockRequest request = first; request != null; ) {
      BlockRequest next = request.unlink();
      try {
        request.deliver();
      } catch (RuntimeException | Error e) {
        thrown = thrown == null ? e : thrown;
        if (report) {
          CompletionThread.report(e);
        }
      }
      delivered++;
      request = next;
    }
    delivering[0]--;
    if (thrown != null && !report) {
      rethrow(thrown);
    }
    return delivered;
  }

  private static void rethrow(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) thrown;
  }

  /** Whether the calling thread is in a callback: what is on its list then waits for it. */
  static boolean isDelivering() {
    return DELIVERING.get()[0] > 0;
  }

  /** How threads wait for operations. */
  CompletionWait completionWait() {
    return completionWait;
  }

  void lookAtDeadlines() {
    enter();
    try {
      if (!closed) {
        queue.checkDeadlines(queue.clock().nanoTime());
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
    if (owner.getPlain() != current) {
      claim(current);
    }
  }

  /** Makes a confined queue this thread's, if it is nobody's or that of a thread that has ended. */
  private void claim(Thread current) {
    Thread before = owner.get();
    boolean free = before == null || !before.isAlive();
    if (before != current && !(free && owner.compareAndSet(before, current))) {
      Thread holder = owner.get();
      throw new IllegalStateException(
          "queue %d is confined to thread \"%s\", this is \"%s\""
              .formatted(id(), holder == null ? "" : holder.getName(), current.getName()));
    }
  }

  /** Throws if the queue is confined to another thread. */
  void checkOwner() {
    if (lock == null) {
      enter();
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
    StackRoom.check();
    // The device has no handle of its own on the queue then.
    device.queues().changing().lock();
    try {
      if (handles.compareAndSet(0, CLOSED)) {
        closeUnused();
        return;
      }
    } finally {
      device.queues().changing().unlock();
    }
    int open = handles.get();
    if (open != CLOSED) {
      throw new IllegalStateException(
          "queue %d has open handles, close them first: %d".formatted(id(), open));
    }
  }

  private void closeUnused() throws IOException {
    if (lock != null) {
      // Whoever polls now is out of the queue before it goes.
      lock.lock();
    }
    closed = true;
    if (lock != null) {
      lock.unlock();
    }
    completionWait.close();
    device.queues().closed(this, queue);
  }
}
