package io.nvmedirect;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An asynchronous operation, used for one after the other: once it is done it can be submitted again,
 * from its own callback too. Nothing is allocated per operation.
 *
 * <p>Idle or done, it belongs to the application; from a successful submission until it is done, to
 * the queue. {@code state} is the hand-over: its release store makes the data that was read visible
 * to a thread that sees {@link #isDone}.
 */
public final class AsyncIo {

  /** Told when an operation is done. */
  @FunctionalInterface
  public interface Callback {

    /**
     * The operation is done; see {@link AsyncIo#status}. Called once per operation, in {@link
     * NvmeQueue#poll}, on the device's completion thread, or while the handle closes. May submit, this
     * operation too; should not block.
     */
    void completed(AsyncIo io);
  }

  private static final int IN_FLIGHT = 1;
  private static final int DONE = 2;

  private static final VarHandle STATE;

  static {
    try {
      STATE =
          MethodHandles.lookup()
              .findVarHandle(AsyncIo.class, "state", int.class)
              .withInvokeExactBehavior();
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** What the queue tells of the request. */
  private final class Progress implements BlockRequest.Listener {

    @Override
    public boolean ended(int requestStatus) {
      status = requestStatus;
      Bounce copying = bounce;
      if (copying != null && requestStatus == 0) {
        int result = copying.windowDone();
        if (result == Bounce.MORE) {
          return true;
        }
        status = result;
      }
      if (opcode == Opcode.WRITE && asynchronous) {
        Objects.requireNonNull(path).asyncWriteEnded(AsyncIo.this);
      }
      unregister();
      return false;
    }

    @Override
    public void finished() {
      complete();
    }
  }

  private final @Nullable Callback callback;
  private final BlockRequest request = new BlockRequest(new Progress());

  @SuppressWarnings("UnusedVariable") // by STATE
  private int state; // 0: never submitted

  /** The state before the submission, for one that is refused. */
  private int stateBefore;

  private int status;
  private @Nullable DirectIo path;
  private int opcode;
  private long position;
  private long lengthBytes;

  /** That the operation is counted in, if it is an asynchronous write; see {@link AsyncWrites}. */
  private int writeEpoch;

  /** Where the operation is registered as a write that the device has not done; else null. */
  private @Nullable Coherence registry;

  /** Nobody waits for the operation: the completion thread is to reap it, if the queue has one. */
  private boolean asynchronous;

  /** The buffer that the device uses, or used in an operation before. */
  private @Nullable DmaBuffer buffer;

  /** The buffer is acquired, until the operation is done. */
  private boolean holdsBuffer;

  /** The pieces of vectored operations, made for the first of them. */
  private @Nullable DmaVector pieces;

  /** Their buffers are acquired, until the operation is done. */
  private boolean holdsPieces;

  /** Set if the data goes through a bounce buffer. */
  private @Nullable Bounce bounce;

  /** Its neighbours on the list of {@link LeaderFollowers}, whose lock owns them. */
  @Nullable AsyncIo previousFollower;

  @Nullable AsyncIo nextFollower;

  /** That of the thread that waits. Written before {@code waiter}. */
  private Clock clock = Clock.SYSTEM;

  /** A thread that waits, so that whoever completes the operation wakes it. */
  private volatile @Nullable Thread waiter;

  /** Where the waiter blocks; null if it parks. Written before {@code waiter}. */
  private volatile @Nullable IoQueue vector;

  /** An operation whose end is seen by {@link #isDone}. */
  public AsyncIo() {
    this.callback = null;
  }

  /** An operation whose end is told to {@code callback}. */
  public AsyncIo(Callback callback) {
    this.callback = Objects.requireNonNull(callback);
  }

  /** Whether the last submitted operation is done. */
  public boolean isDone() {
    return (int) STATE.getAcquire(this) == DONE;
  }

  /** Whether an operation is submitted and not done. */
  public boolean isInFlight() {
    return (int) STATE.getAcquire(this) == IN_FLIGHT;
  }

  /**
   * The status of the operation that is done: 0 for success, else as {@link
   * io.nvmedirect.spec.Status} reads it.
   */
  public int status() {
    if (!isDone()) {
      throw new IllegalStateException("the operation is not done");
    }
    return status;
  }

  /** Throws if the operation, which is done, has failed. */
  public void throwIfFailed() throws NvmeException {
    int failed = status();
    if (failed != 0) {
      DirectIo went = Objects.requireNonNull(path);
      String change = went.namespaceChange();
      throw new NvmeException(
          "%s: %s of %d bytes at %d%s"
              .formatted(
                  went.device().address(),
                  Opcode.ioName(opcode),
                  lengthBytes,
                  position,
                  change == null ? "" : ": " + change),
          failed);
    }
  }

  boolean isAsynchronous() {
    return asynchronous;
  }

  int opcode() {
    return opcode;
  }

  long position() {
    return position;
  }

  long lengthBytes() {
    return lengthBytes;
  }

  /** The write is registered, until the device has done it or it is cancelled. */
  void registered(Coherence with) {
    registry = with;
  }

  private void unregister() {
    Coherence with = registry;
    if (with != null) {
      registry = null;
      with.unregister(position, lengthBytes);
    }
  }

  int writeEpoch() {
    return writeEpoch;
  }

  void writeEpoch(int epoch) {
    writeEpoch = epoch;
  }

  BlockRequest request() {
    return request;
  }

  /** Lets go of the handle and the memory, which this thread may never use again. */
  void forget() {
    path = null;
    buffer = null;
    if (pieces != null) {
      pieces.forget();
    }
    request.forget();
  }

  /** Takes the operation for a submission. */
  void begin(DirectIo path, boolean asynchronous, int opcode, long position, long lengthBytes) {
    int before = (int) STATE.getAcquire(this);
    if (before == IN_FLIGHT) {
      throw new IllegalStateException("the operation is still in flight");
    }
    if (path.isConfined()) {
      // This thread's, by the contract of the confined queue: a locked instruction is spared.
      STATE.setOpaque(this, IN_FLIGHT);
    } else if (!STATE.compareAndSet(this, before, IN_FLIGHT)) {
      throw new IllegalStateException("the operation was submitted by two threads at once");
    }
    this.stateBefore = before;
    // Mostly it is the one of the last time, and a store of a reference has a barrier of the GC's.
    if (this.path != path) {
      this.path = path;
      request.flow(path.flow());
    }
    this.asynchronous = asynchronous;
    this.opcode = opcode;
    this.position = position;
    this.lengthBytes = lengthBytes;
    request.deferred(asynchronous);
  }

  /** Gives up a submission: nothing was posted. */
  void cancel() {
    unregister();
    releaseBuffer(false);
    STATE.setRelease(this, stateBefore);
  }

  /** Data that the device reaches directly; {@code buffer} is acquired. */
  void direct(DmaBuffer buffer) {
    if (this.buffer != buffer) {
      this.buffer = buffer;
    }
    holdsBuffer = true;
  }

  /** Data in several pieces: the vector, empty, for the caller to fill; released like a buffer. */
  DmaVector vectored() {
    DmaVector empty = pieces;
    if (empty == null) {
      empty = new DmaVector();
      pieces = empty;
    }
    holdsPieces = true;
    return empty;
  }

  /** Takes {@link #vectored} back: the device cannot reach the data. */
  void notVectored() {
    releasePieces(false);
  }

  /** Data that is copied, window by window. */
  void bounced(Bounce bounce) {
    bounce.buffer().acquire();
    this.bounce = bounce;
    direct(bounce.buffer());
  }

  /** Parks the calling thread until the operation is done, or for no reason. */
  void park(Clock clock) {
    beginWait(clock);
    if (!isDoneNow()) {
      clock.park(this);
    }
    endWait();
  }

  /** Parks the calling thread until the operation is done, or the time is over, or for no reason. */
  void park(Clock clock, long timeoutNs) {
    beginWait(clock);
    if (!isDoneNow()) {
      clock.parkNanos(this, timeoutNs);
    }
    endWait();
  }

  /**
   * The calling thread is about to park, and {@link #wake} ends that. Before it does, it looks once more
   * at what it waits for: a volatile store here and a volatile load there, so that whoever completes the
   * operation sees the waiter, or this thread sees that.
   */
  void beginWait(Clock clock) {
    this.clock = clock;
    waiter = Thread.currentThread();
  }

  /** Like {@link #isDone}, and not before {@link #beginWait}. */
  boolean isDoneNow() {
    return (int) STATE.getVolatile(this) == DONE;
  }

  void endWait() {
    waiter = null;
  }

  /**
   * Blocks the calling thread on a queue's interrupt vector until there is an interrupt, or the
   * operation is done, or the time is over, or for no reason.
   *
   * @return false if the time is over
   */
  boolean block(IoQueue queue, long timeoutNs) throws InterruptedException {
    vector = queue;
    // A wake that comes before the thread blocks is remembered.
    beginWait(queue.clock());
    try {
      return isDoneNow() || queue.awaitInterrupt(timeoutNs);
    } finally {
      endWait();
      vector = null;
    }
  }

  /** Wakes a thread that waits for this operation, to look around. */
  void wake() {
    Thread waiting = waiter;
    if (waiting == null) {
      return;
    }
    // The thread may wait for something else by now: then it looks around for nothing.
    IoQueue blocking = vector;
    if (blocking == null) {
      clock.unpark(waiting);
    } else {
      blocking.wake();
    }
  }

  /** Ends the operation with the status of its last part. */
  void completeWith(int lastStatus) {
    status = lastStatus;
    complete();
  }

  private void complete() {
    DirectIo owner = Objects.requireNonNull(path);
    boolean counted = asynchronous;
    try {
      // A command that was successful is one that the device is done with.
      releaseBuffer(status != 0 && owner.device().mayStillUseMemory());
    } catch (RuntimeException e) {
      // Whatever it was, the operation ends.
      CompletionThread.report(e);
    }
    Callback told = callback;
    try {
      if (told != null) {
        // Release so that a thread that sees the end sees the data; nobody parks for this one.
        STATE.setRelease(this, DONE);
        told.completed(this);
      } else {
        // Volatile so that the load of the waiter cannot pass it: see park.
        STATE.setVolatile(this, DONE);
        wake();
      }
    } finally {
      owner.operationEnds(counted);
    }
  }

  /**
   * @param deviceMayUseIt the controller is lost, and may write to the buffer at any time: then it is
   *     never freed
   */
  private void releaseBuffer(boolean deviceMayUseIt) {
    DmaBuffer used = buffer;
    if (!holdsBuffer || used == null) {
      releasePieces(deviceMayUseIt);
      return;
    }
    holdsBuffer = false;
    Bounce copying = bounce;
    if (copying != null) {
      bounce = null;
    }
    if (deviceMayUseIt) {
      return;
    }
    used.release();
    if (copying != null) {
      Objects.requireNonNull(path).device().giveBack(used);
    }
  }

  private void releasePieces(boolean deviceMayUseIt) {
    DmaVector used = pieces;
    if (!holdsPieces || used == null) {
      return;
    }
    holdsPieces = false;
    if (deviceMayUseIt) {
      used.abandon();
    } else {
      used.release();
    }
  }
}
