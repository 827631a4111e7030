package io.nvmedirect;

import io.nvmedirect.cache.Store;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.IoLock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The queues of a handle. With one of them, operations go there whole; with several, each command is
 * routed by the handle's selector.
 */
final class DirectPaths implements Store {

  /** The choice between several queues. */
  @FunctionalInterface
  interface Route {
    NvmeQueue select(int opcode, long position, int lengthBytes);
  }

  private final DirectIo[] paths;
  private final DirectIo first;
  private final @Nullable Route route;
  private final long commandBytes;

  /** Owns {@code ending}. */
  private final IoLock flushing;

  /** By path: the epoch of asynchronous writes that a flush waits for. */
  private final int[] ending;

  /** At least one path; {@code route} chooses among their queues, null for a single one. */
  DirectPaths(DirectIo[] paths, @Nullable Route route) {
    this.paths = paths;
    this.first = paths[0];
    this.route = route;
    this.ending = new int[paths.length];
    this.flushing = new IoLock(first.device().queues().reaper());
    this.commandBytes = paths[0].device().maxTransferBytes();
    for (DirectIo path : paths) {
      path.store(this);
    }
  }

  DirectIo first() {
    return first;
  }

  /** Throws unless the range is whole blocks within the device. */
  void checkRange(long position, long lengthBytes) {
    first.checkRange(position, lengthBytes);
  }

  private DirectIo choose(int opcode, long position, long lengthBytes) {
    if (route == null) {
      return paths[0];
    }
    NvmeQueue chosen = route.select(opcode, position, (int) lengthBytes);
    for (DirectIo path : paths) {
      if (path.queue().equals(chosen)) {
        return path;
      }
    }
    throw new IllegalArgumentException(
        "the selector chose a queue that is not the handle's: "
            + (chosen == null ? "null" : "queue " + chosen.id()));
  }

  // ---- Synchronous.

  @Override
  public void read(MemorySegment to, long position) throws IOException {
    transfer(Opcode.READ, 0, to, position);
  }

  @Override
  public void write(MemorySegment from, long position) throws IOException {
    transfer(Opcode.WRITE, 0, from, position);
  }

  void transfer(int opcode, int flags, MemorySegment memory, long position) throws IOException {
    if (route == null) {
      paths[0].transfer(opcode, flags, memory, position);
      return;
    }
    long length = memory.byteSize();
    checkRange(position, length);
    for (long done = 0; done < length; ) {
      long part = Math.min(length - done, commandBytes);
      DirectIo path = choose(opcode, position + done, part);
      path.transfer(opcode, flags, memory.asSlice(done, part), position + done);
      done += part;
    }
  }

  /** Likewise, of several segments. */
  void transfer(int opcode, int flags, MemorySegment[] memory, long length, long position)
      throws IOException {
    if (route == null) {
      first.vectored().transfer(opcode, flags, memory, length, position);
      return;
    }
    for (long done = 0; done < length; ) {
      long part = Math.min(length - done, commandBytes);
      DirectIo path = choose(opcode, position + done, part);
      MemorySegment[] slice = Segments.slice(memory, done, part);
      path.vectored().transfer(opcode, flags, slice, part, position + done);
      done += part;
    }
  }

  /** Whether a write can return when it is submitted: it goes to one queue, which anybody may reap. */
  boolean canWriteBehind(long lengthBytes) {
    return !isConfined() && (route == null || lengthBytes <= commandBytes);
  }

  /**
   * Submits a write that nobody reaps in particular.
   *
   * @return the path that it went
   */
  DirectIo writeBehind(AsyncIo io, int flags, MemorySegment from, long position)
      throws IOException {
    DirectIo path = choose(Opcode.WRITE, position, from.byteSize());
    path.writeBehind(io, flags, from, position);
    return path;
  }

  /** Likewise, of several segments. */
  DirectIo writeBehind(AsyncIo io, int flags, MemorySegment[] from, long length, long position)
      throws IOException {
    DirectIo path = choose(Opcode.WRITE, position, length);
    path.vectored().writeBehind(io, flags, from, length, position);
    return path;
  }

  boolean has(DirectIo path) {
    for (DirectIo own : paths) {
      if (own.equals(path)) {
        return true;
      }
    }
    return false;
  }

  // ---- Asynchronous.

  /** Posts a transfer of a part of a buffer; false if the queue is full. */
  boolean post(
      AsyncIo io, int opcode, int flags, DmaBuffer buffer, long offset, long length, long position)
      throws IOException {
    if (route == null || length <= commandBytes) {
      DirectIo path = route == null ? first : choose(opcode, position, length);
      return path.post(io, opcode, flags, buffer, offset, length, position);
    }
    MemorySegment[] memory = {buffer.segment().asSlice(offset, length)};
    spread(io, opcode, flags, memory, length, position);
    return true;
  }

  /**
   * Posts a transfer of any memory.
   *
   * @param queueIfFull have it wait for a free slot
   * @return false if the queue is full and the operation was not to wait
   */
  boolean post(
      AsyncIo io, int opcode, int flags, MemorySegment memory, long position, boolean queueIfFull)
      throws IOException {
    long length = memory.byteSize();
    if (route == null || length <= commandBytes) {
      DirectIo path = route == null ? first : choose(opcode, position, length);
      return path.post(io, opcode, flags, memory, position, queueIfFull);
    }
    spread(io, opcode, flags, new MemorySegment[] {memory}, length, position);
    return true;
  }

  /** Likewise, of several segments. */
  boolean post(
      AsyncIo io,
      int opcode,
      int flags,
      MemorySegment[] memory,
      long length,
      long position,
      boolean queueIfFull)
      throws IOException {
    if (route == null || length <= commandBytes) {
      DirectIo path = route == null ? first : choose(opcode, position, length);
      return path.vectored().post(io, opcode, flags, memory, length, position, queueIfFull);
    }
    spread(io, opcode, flags, memory, length, position);
    return true;
  }

  /** One operation of several commands, each on the queue that is chosen for it. */
  private void spread(
      AsyncIo io, int opcode, int flags, MemorySegment[] memory, long length, long position)
      throws IOException {
    checkRange(position, length);
    int parts = (int) ((length + commandBytes - 1) / commandBytes);
    // All is chosen and made before the operation begins, so that what fails then changes nothing.
    DirectIo[] chosen = new DirectIo[parts];
    MemorySegment[][] slices = new MemorySegment[parts][];
    AsyncIo[] operations = new AsyncIo[parts];
    Parts rest = new Parts(io, parts);
    for (int i = 0; i < parts; i++) {
      long at = i * commandBytes;
      long bytes = Math.min(commandBytes, length - at);
      chosen[i] = choose(opcode, position + at, bytes);
      slices[i] = Segments.slice(memory, at, bytes);
      operations[i] = new AsyncIo(done -> rest.ended(done.status()));
      for (MemorySegment segment : slices[i]) {
        chosen[i].checkAsynchronous(segment);
      }
    }
    chosen[0].beginSpread(io, opcode, position, length);
    for (int i = 0; i < parts; i++) {
      long at = i * commandBytes;
      long bytes = Math.min(commandBytes, length - at);
      try {
        if (slices[i].length == 1) {
          chosen[i].post(operations[i], opcode, flags, slices[i][0], position + at, true);
        } else {
          VectoredPath path = chosen[i].vectored();
          path.post(operations[i], opcode, flags, slices[i], bytes, position + at, true);
        }
      } catch (IOException | RuntimeException | Error e) {
        // Earlier parts may be on their way: the operation ends with them, and with an error.
        CompletionThread.reportUnposted(e);
        rest.failed(parts - i);
        return;
      }
    }
  }

  /** Counts the parts of an operation; the last to end ends it. */
  private static final class Parts {
    private final AsyncIo whole;
    private final AtomicInteger left;
    private final AtomicInteger status = new AtomicInteger();

    Parts(AsyncIo whole, int parts) {
      this.whole = whole;
      this.left = new AtomicInteger(parts);
    }

    void ended(int partStatus) {
      status.compareAndSet(0, partStatus);
      if (left.decrementAndGet() == 0) {
        whole.completeWith(status.get());
      }
    }

    void failed(int unposted) {
      for (int i = 0; i < unposted; i++) {
        ended(Status.HOST_PATHING_ERROR);
      }
    }
  }

  // ---- Life.

  boolean isConfined() {
    for (DirectIo path : paths) {
      if (path.queue().isConfined()) {
        return true;
      }
    }
    return false;
  }

  int outstanding() {
    int sum = 0;
    for (DirectIo path : paths) {
      sum += path.outstanding();
    }
    return sum;
  }

  void policy(CompletionPolicy policy) {
    for (DirectIo path : paths) {
      path.policy(policy);
    }
  }

  void schedule(PriorityClass priority, int weight) {
    for (DirectIo path : paths) {
      path.checkOpen();
    }
    for (DirectIo path : paths) {
      path.queue().schedule(path.flow(), priority, weight);
    }
  }

  /** Whether every queue has an interrupt vector. */
  boolean hasInterrupts() {
    for (DirectIo path : paths) {
      if (!path.queue().options().contains(QueueOption.INTERRUPT)) {
        return false;
      }
    }
    return true;
  }

  void ring() {
    for (DirectIo path : paths) {
      path.queue().show();
    }
  }

  int poll() {
    int completed = 0;
    for (DirectIo path : paths) {
      completed += path.queue().poll();
    }
    return completed;
  }

  /**
   * Waits until the asynchronous writes that were posted are done on the device; not for those that other
   * threads post meanwhile, which may be without end.
   */
  void awaitWrites() {
    // One flush at a time ends epochs. Who waits here waits for writes that were posted before,
    // too.
    flushing.lock();
    try {
      for (int i = 0; i < paths.length; i++) {
        ending[i] = paths[i].asyncWrites().endEpoch();
      }
      await(this::endingWrites, NvmeQueue::pollWhileWaiting);
    } finally {
      flushing.unlock();
    }
  }

  private int endingWrites() {
    int left = 0;
    for (int i = 0; i < paths.length; i++) {
      left += paths[i].asyncWrites().left(ending[i]);
    }
    return left;
  }

  /**
   * Waits for the operations in flight and closes; false if it was closed before.
   *
   * @throws IllegalStateException in a callback while there are some, which might wait for it
   */
  boolean close() {
    if (outstanding() > 0) {
      if (NvmeQueue.isDelivering()) {
        throw new IllegalStateException(
            "a callback cannot close a handle with operations outstanding: " + outstanding());
      }
      for (DirectIo path : paths) {
        path.queue().checkOwner();
      }
    }
    boolean closed = false;
    for (DirectIo path : paths) {
      closed |= path.close();
    }
    if (closed) {
      if (!isConfined() || hasOperationsOfThisThread()) {
        await(this::outstanding, NvmeQueue::pollForCallbacks);
      }
      for (DirectIo path : paths) {
        path.queue().handleClosed();
      }
    }
    return closed;
  }

  /**
   * Whether operations are outstanding. Opens again and throws if they are of another thread, which
   * owns the queue and began them just now.
   */
  private boolean hasOperationsOfThisThread() {
    // The owner counts an operation and looks whether the handle is closed without a fence between:
    // after this one its count is seen here, or the close was seen there. If there is none now, one
    // that is counted later is taken back at once.
    AsymmetricFence.ofAllThreads();
    if (outstanding() == 0) {
      return false;
    }
    boolean owned = false;
    try {
      for (DirectIo path : paths) {
        path.queue().checkOwner();
      }
      owned = true;
      return true;
    } finally {
      if (!owned) {
        for (DirectIo path : paths) {
          path.reopen();
        }
      }
    }
  }

  /** Polls all queues until a count is 0. */
  private void await(IntSupplier count, ToIntFunction<NvmeQueue> poll) {
    boolean interrupted = false;
    for (int idle = 0; count.getAsInt() > 0; ) {
      int reaped = 0;
      for (DirectIo path : paths) {
        path.queue().show();
        reaped += poll.applyAsInt(path.queue());
      }
      if (reaped > 0) {
        idle = 0;
      } else {
        interrupted |= Thread.interrupted();
        // An operation that is counted may be one that waits for others before it is submitted.
        idle = first.device().queues().reaper().reap(idle);
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
