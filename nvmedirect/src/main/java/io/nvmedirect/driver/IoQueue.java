package io.nvmedirect.driver;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.QueuePair;
import java.io.IOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An I/O queue pair of a controller, with its requests: splitting, a backlog for what finds no free
 * slot, deadlines, and recovery after a controller reset. One thread at a time owns it.
 *
 * <p>A reset by whomever does not touch this queue: it raises the controller's generation, and the
 * owner, who finds it changed, ends what was in flight and makes the queue anew.
 */
public final class IoQueue {

  /** Deadlines are looked at this often within a timeout. */
  private static final int LOOKS_PER_TIMEOUT = 8;

  private static final int NO_LIMIT = Integer.MAX_VALUE;

  private final Controller controller;
  private final QueuePair pair;
  private final Clock clock;
  private int generation;
  private @Nullable String failure;

  /** Requests that are not wholly posted. */
  private final RequestList backlog = new RequestList();

  /** Finished and not taken: what anybody may deliver, and what brings a callback along. */
  private final RequestList finished = new RequestList();

  private final RequestList deferred = new RequestList();

  /** Orders requests, from the first handle on that has a class or a weight; then no backlog is used. */
  private @Nullable Scheduler scheduler;

  private long lastLookNs;

  IoQueue(Controller controller, QueuePair pair) {
    this.controller = controller;
    this.pair = pair;
    this.generation = controller.generation();
    this.clock = controller.clock();
    this.lastLookNs = clock.nanoTime();
  }

  /** For deadlines and waits. */
  public Clock clock() {
    return clock;
  }

  public int id() {
    return pair.id();
  }

  /** Most commands in flight. */
  public int depth() {
    return pair.capacity();
  }

  /** Commands in flight. */
  public int inFlight() {
    return pair.inFlight();
  }

  /** Whether no request is submitted and not ended. */
  public boolean isIdle() {
    return pair.inFlight() == 0
        && backlog.isEmpty()
        && (scheduler == null || !scheduler.hasWaiting());
  }

  /** Null as long as all handles are equal. */
  @Nullable Scheduler scheduler() {
    return scheduler;
  }

  QueuePair pair() {
    return pair;
  }

  /** Whether commands can carry all of a vector, which is whole blocks. Any thread may call it. */
  public boolean carries(DmaVector data, Namespace namespace) {
    int blockBytes = namespace.blockBytes();
    long most = (long) namespace.maxTransferBlocks() << namespace.blockShift();
    long size = data.byteSize();
    for (long offset = 0; offset < size; ) {
      long left = Math.min(most, size - offset);
      long fit = pair.fit(data, offset, left, blockBytes, namespace.sglAlignment());
      if (fit == 0) {
        return false;
      }
      offset += fit;
    }
    return true;
  }

  /**
   * Posts a request if there is a free slot; the rest of a large one follows as slots become free. With
   * a scheduler, all of it waits for {@link #ring}.
   *
   * @return false if there is no slot, or with a scheduler, if its flow has as much as the queue has
   *     slots: nothing has happened
   * @throws NvmeException if the controller has failed for good, or another host has changed the
   *     namespace
   */
  public boolean submit(BlockRequest request) throws NvmeException {
    checkUsable(request);
    if (scheduler != null) {
      if (!scheduler.hasRoom(request)) {
        return false;
      }
      request.attach(this);
      scheduler.add(request);
      return true;
    }
    if (!backlog.isEmpty()) {
      return false;
    }
    request.attach(this);
    if (!request.post(pair)) {
      if (request.inFlight() == 0) {
        return false;
      }
      queueUp(request);
    }
    return true;
  }

  /**
   * Posts a request, or keeps it until a slot is free.
   *
   * @return whether all of it was posted, or with a scheduler, whether its flow was not full before
   * @throws NvmeException if the controller has failed for good, or another host has changed the
   *     namespace
   */
  public boolean submitOrQueue(BlockRequest request) throws NvmeException {
    checkUsable(request);
    if (scheduler != null) {
      boolean room = scheduler.hasRoom(request);
      request.attach(this);
      scheduler.add(request);
      return room;
    }
    if (!backlog.isEmpty()) {
      request.attach(this);
      queueUp(request);
      return false;
    }
    start(request);
    return !request.backlogged;
  }

  /** Whether requests wait for {@link #ring} to be posted, in an order that is not that of submission. */
  public boolean isScheduled() {
    return scheduler != null;
  }

  /**
   * Gives the requests of a flow a priority and a weight, those that wait too. What is not the default
   * makes a scheduler for all flows of the queue.
   *
   * @param priority {@link Flow#LATENCY} to {@link Flow#BATCH}
   * @param weight 1 to {@link Flow#MAX_WEIGHT}
   */
  public void schedule(Flow flow, int priority, int weight) {
    if (scheduler == null) {
      if (priority == Flow.NORMAL && weight == Flow.DEFAULT_WEIGHT) {
        return;
      }
      scheduler = new Scheduler(pair, this::ended, clock.nanoTime());
      while (!backlog.isEmpty()) {
        BlockRequest request = Objects.requireNonNull(backlog.first());
        backlog.removeFirst();
        scheduler.add(request);
      }
    }
    scheduler.change(flow, priority, weight);
  }

  private void start(BlockRequest request) {
    request.attach(this);
    if (!request.post(pair)) {
      queueUp(request);
    }
  }

  private void queueUp(BlockRequest request) {
    request.backlogged = true;
    backlog.add(request);
  }

  /** Shows posted commands to the device; not to one that has forgotten the queue. */
  public void ring() {
    if (generation == controller.generation() && failure == null) {
      if (scheduler != null && scheduler.hasWaiting()) {
        scheduler.dispatch(clock.nanoTime());
      }
      pair.ring();
    }
  }

  /**
   * Takes completions, and posts what was waiting for slots. With a scheduler that is left to {@link
   * #ring}, so that callbacks submit before, and every flow has its share.
   */
  public void reap() {
    if (generation != controller.generation()) {
      recover();
    }
    if (scheduler != null) {
      reapScheduled(scheduler);
    } else if (pair.reap(NO_LIMIT) > 0 && !backlog.isEmpty()) {
      postBacklog();
    }
  }

  private void reapScheduled(Scheduler ordering) {
    ordering.beforeReap(clock.nanoTime());
    if (pair.reap(NO_LIMIT) > 0) {
      ordering.afterReap();
    }
  }

  /**
   * The finished requests without a callback, linked; the caller delivers them, outside of its lock.
   */
  public @Nullable BlockRequest take() {
    return finished.takeAll();
  }

  /** All finished requests, linked; the caller delivers them, outside of its lock. */
  public @Nullable BlockRequest takeAll() {
    finished.append(deferred);
    return finished.takeAll();
  }

  private void postBacklog() {
    BlockRequest request = backlog.first();
    while (request != null && postRest(request)) {
      backlog.removeFirst();
      request.backlogged = false;
      if (request.inFlight() == 0) {
        ended(request);
      }
      request = backlog.first();
    }
    ring();
  }

  private boolean postRest(BlockRequest request) {
    request.failIfChanged();
    return request.post(pair);
  }

  /** All commands of a request have ended. */
  void ended(BlockRequest request) {
    // What came between the change and its event may have been transferred in blocks of another
    // size.
    request.failIfChanged();
    if (request.ended()) {
      (request.isDeferred() ? deferred : finished).add(request);
    } else if (scheduler != null) {
      scheduler.add(request);
    } else {
      start(request);
      ring();
    }
  }

  /** Whether the queue has an interrupt vector. */
  public boolean hasInterrupt() {
    return pair.hasInterrupt();
  }

  /**
   * Blocks until an interrupt, {@link #wake}, or the time is over. One thread at a time, which need
   * not own the queue.
   */
  public boolean awaitInterrupt(long timeoutNs) throws InterruptedException {
    return pair.awaitInterrupt(timeoutNs);
  }

  /** Ends the {@link #awaitInterrupt} of another thread, or the next one; any thread may call it. */
  public void wake() {
    pair.wake();
  }

  /** How often {@link #checkDeadlines} needs to be called while something is in flight. */
  public long lookIntervalNs() {
    return controller.timeoutNs() / LOOKS_PER_TIMEOUT;
  }

  /** Whether {@link #checkDeadlines} would look now. Unlike that it waits for nothing. */
  public boolean isLookDue(long nowNs) {
    return nowNs - lastLookNs >= lookIntervalNs() || controller.isLost() || controller.hasEvents();
  }

  /**
   * Aborts a command that has taken too long. If that was done before, or the abort fails, the
   * controller is reset, and every command in flight ends with "Command Aborted By Host". So they do if
   * the controller is gone, at the next call. And acts on the controller's events.
   */
  public void checkDeadlines(long nowNs) {
    if (!isLookDue(nowNs)) {
      return;
    }
    lastLookNs = nowNs;
    if (controller.hasEvents()) {
      controller.takeEvents();
    }
    if (pair.inFlight() == 0) {
      return;
    }
    // The time of what is posted and not shown to the device would run in vain.
    ring();
    controller.checkAlive(generation);
    int expired = pair.expiredCommand(nowNs, controller.timeoutNs());
    while (expired != QueuePair.NONE && generation == controller.generation()) {
      if (pair.markExpired(expired) || !controller.abort(pair.id(), expired)) {
        controller.resetSince(
            generation,
            "command %d of queue %d did not end within %d ms"
                .formatted(expired, pair.id(), controller.timeoutNs() / 1_000_000));
      } else {
        expired = pair.expiredCommand(nowNs, controller.timeoutNs());
      }
    }
    if (generation != controller.generation()) {
      recover();
    }
  }

  private void checkUsable(BlockRequest request) throws NvmeException {
    // Who begins after a pause does not go by what was true before it. Those that keep the queue
    // busy
    // look with the deadlines.
    if (pair.inFlight() == 0 && controller.hasEvents()) {
      controller.takeEvents();
    }
    if (generation != controller.generation()) {
      recover();
    }
    if (failure != null) {
      throw new NvmeException(failure);
    }
    request.checkNamespace();
  }

  /** After a reset: ends what was in flight, which the controller has forgotten, and starts anew. */
  private void recover() {
    pair.failAll(Status.ABORTED_BY_HOST);
    // If making it fails, the next reset gives it another try.
    generation = controller.generation();
    failure = null;
    try {
      generation = controller.attach(pair);
    } catch (IOException | RuntimeException e) {
      failure = Objects.requireNonNullElseGet(controller.failure(), () -> lost(e));
      for (BlockRequest request = backlog.first(); request != null; request = request.next) {
        request.fail(Status.HOST_PATHING_ERROR);
      }
      if (scheduler != null) {
        scheduler.failWaiting(Status.HOST_PATHING_ERROR);
      }
    }
    postBacklog();
  }

  private String lost(Exception cause) {
    return "%s: queue %d is lost: %s".formatted(controller.name(), id(), cause.getMessage());
  }

  /** Makes the controller forget the queue and frees its memory; nothing is in flight. */
  void close() throws IOException {
    if (generation == controller.generation() && failure == null) {
      try {
        pair.delete(controller.admin());
      } catch (IOException e) {
        if (generation == controller.generation()) {
          // The controller still has the queue, and its memory.
          throw e;
        }
      }
    }
    if (!controller.mayStillUseMemory()) {
      pair.close();
    }
  }
}
