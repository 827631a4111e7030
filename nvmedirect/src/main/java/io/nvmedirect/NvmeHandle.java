package io.nvmedirect;

import io.nvmedirect.driver.Flow;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaRegistry;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.StackRoom;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * I/O on the namespace of a device through one or several queues. Positions and lengths are in bytes;
 * on a direct handle, and for every asynchronous operation, they are multiples of {@link
 * NvmeDevice#blockBytes}. Any length up to the size of the device is one call.
 *
 * <p>Any memory works: a {@link DmaBuffer}, or native memory of an automatic arena and of direct buffers
 * where the device can reach it, is transferred to and from directly; heap memory, mapped files and the
 * rest is copied. A handle may be used by any thread that may use its queues. Whatever way data was
 * written, every handle of the device reads it.
 */
public final class NvmeHandle implements AutoCloseable {

  private final NvmeDevice device;
  private final NvmeQueue queue;
  private final Coherence coherence;
  private final DirectPaths direct;
  private final VectoredIo vectored;
  private final HandlePosition position;

  /** Replaced as a whole, so that an operation sees one state of all options. */
  private volatile Set<HandleOption> options;

  private PriorityClass priority = PriorityClass.NORMAL;
  private int weight = Flow.DEFAULT_WEIGHT;

  /** How many lost writes of the device this handle's flush has told of. */
  private long lostWritesSeen;

  /**
   * @param queues at least one
   * @param selector chooses among them; null if there is no choice
   */
  NvmeHandle(NvmeQueue[] queues, @Nullable QueueSelector selector, EnumSet<HandleOption> options) {
    this.queue = queues[0];
    this.device = queue.device();
    this.coherence = device.coherence();
    DirectIo[] paths = new DirectIo[queues.length];
    boolean confined = Arrays.stream(queues).allMatch(NvmeQueue::isConfined);
    for (int i = 0; i < queues.length; i++) {
      paths[i] = new DirectIo(queues[i], confined);
    }
    this.direct =
        new DirectPaths(
            paths,
            selector == null
                ? null
                : (opcode, at, length) -> selector.select(this, opcode, at, length));
    this.vectored = new VectoredIo(device, direct);
    this.position = new HandlePosition(this);
    this.options = Set.of();
    this.lostWritesSeen = coherence.reportedLostWrites();
    options.forEach(option -> set(option, true));
  }

  DirectPaths paths() {
    return direct;
  }

  public NvmeDevice device() {
    return device;
  }

  /** The queue; of a multi-queue handle the first one. */
  public NvmeQueue queue() {
    return queue;
  }

  /** Operations submitted and not done. */
  public int outstanding() {
    return direct.outstanding();
  }

  // ---- Options.

  /** The options that are set. */
  public Set<HandleOption> options() {
    return options;
  }

  /**
   * Sets or clears an option, for the next operation on.
   *
   * @throws IllegalArgumentException for {@link HandleOption#INTERRUPT} if a queue has no interrupt, and
   *     for {@code INTERRUPT} and {@link HandleOption#HYBRID} at once: clear the one first
   */
  public synchronized void set(HandleOption option, boolean value) {
    StackRoom.check();
    EnumSet<HandleOption> next = EnumSet.noneOf(HandleOption.class);
    next.addAll(options);
    if (value) {
      next.add(option);
    } else {
      next.remove(option);
    }
    direct.policy(policy(next));
    options = Set.copyOf(next);
  }

  private CompletionPolicy policy(Set<HandleOption> of) {
    boolean hybrid = of.contains(HandleOption.HYBRID);
    if (!of.contains(HandleOption.INTERRUPT)) {
      return hybrid ? CompletionPolicy.HYBRID : CompletionPolicy.POLL;
    }
    if (hybrid) {
      throw new IllegalArgumentException(
          "HandleOption.INTERRUPT and HandleOption.HYBRID are two completion policies: choose one of"
              + " them");
    }
    if (!direct.hasInterrupts()) {
      throw new IllegalArgumentException(
          "HandleOption.INTERRUPT needs queues with QueueOption.INTERRUPT: queue %d has %s"
              .formatted(queue.id(), queue.options()));
    }
    return CompletionPolicy.INTERRUPT;
  }

  // ---- Scheduling.

  /**
   * Shares the queue out among its handles: by class first, and among those of one class by weight, in
   * bytes. Holds at once, for operations that wait too, and of a multi-queue handle on each of its
   * queues. From the first time that a handle has another class than {@link PriorityClass#NORMAL} or
   * another weight than 100, its queue keeps few enough commands on the device for this to have effect,
   * and the operations that are too many wait in the queue. Other queues of the device are not looked at.
   *
   * <p>The thread of a confined queue calls this, or any while it has none.
   *
   * @param weight 1 to 1000
   * @throws IllegalArgumentException for another weight: nothing has changed
   */
  public synchronized void schedule(PriorityClass priority, int weight) {
    StackRoom.check();
    Objects.requireNonNull(priority, "priority");
    if (weight < 1 || weight > Flow.MAX_WEIGHT) {
      throw new IllegalArgumentException(
          "a weight is 1 to %d: weight=%d".formatted(Flow.MAX_WEIGHT, weight));
    }
    direct.schedule(priority, weight);
    this.priority = priority;
    this.weight = weight;
  }

  /** The class that {@link #schedule} has set, at first {@link PriorityClass#NORMAL}. */
  public synchronized PriorityClass priority() {
    return priority;
  }

  /** The weight that {@link #schedule} has set, at first 100. */
  public synchronized int weight() {
    return weight;
  }

  private boolean has(HandleOption option) {
    return options.contains(option);
  }

  private int writeFlags() {
    return has(HandleOption.FORCE_UNIT_ACCESS) ? Sqe.FUA : 0;
  }

  // ---- Synchronous operations at a position.

  /**
   * Reads {@code to.byteSize()} bytes from {@code position}.
   *
   * @throws IllegalArgumentException if the range is misaligned or beyond the device, or the memory
   *     is read-only
   * @throws NvmeException if the device reports an error: the memory holds anything
   */
  public void read(MemorySegment to, long position) throws IOException {
    StackRoom.check();
    if (to.isReadOnly()) {
      throw new IllegalArgumentException("the memory to read into is read-only: " + to);
    }
    if (has(HandleOption.BUFFERED)) {
      device.checkBytes(position, to.byteSize());
      direct.first().checkUsable();
      coherence.readBuffered(direct, to, position);
    } else {
      direct.checkRange(position, to.byteSize());
      coherence.beforeRead(direct, position, to.byteSize());
      direct.transfer(Opcode.READ, 0, to, position);
    }
  }

  /**
   * Writes {@code from.byteSize()} bytes to {@code position}. They survive a power cut after the next
   * {@link #flush}.
   *
   * @throws IllegalArgumentException if the range is misaligned or beyond the device
   * @throws NvmeException if the device reports an error: the range holds old or new blocks
   */
  public void write(MemorySegment from, long position) throws IOException {
    StackRoom.check();
    long length = from.byteSize();
    device.checkWritable(Opcode.WRITE, position, length);
    if (has(HandleOption.BUFFERED)) {
      device.checkBytes(position, length);
      direct.first().checkUsable();
      coherence.writeBuffered(direct, from, position, has(HandleOption.WRITE_THROUGH));
      return;
    }
    direct.checkRange(position, length);
    if (length == 0) {
      return;
    }
    if (has(HandleOption.WRITE_BEHIND)
        && direct.canWriteBehind(length)
        && DmaRegistry.isShared(from)) {
      coherence.writeBehind(direct, writeFlags(), from, position);
      return;
    }
    coherence.beforeWrite(position, length);
    coherence.register(direct, position, length);
    try {
      direct.transfer(Opcode.WRITE, writeFlags(), from, position);
    } finally {
      coherence.unregister(position, length);
    }
  }

  /**
   * Reads into segments, one after the other, as one range: with one command, where the device can be
   * told of all of them in one and the range is not larger than a command may be.
   *
   * <p>PRPs can, if every segment but the first begins on a page boundary of 4096 bytes, every one but
   * the last ends on one, and the first is aligned to 4 bytes. SGLs can, if the controller takes them
   * ({@link io.nvmedirect.spec.IdentifyController#sglAlignment}): up to 256 segments, of the alignment
   * that it says. Else there are more commands, as long as each block is in one of them. If there is a
   * block that cannot be, or memory that the device cannot reach, all is copied.
   *
   * @param to of any length each, also empty; together whole blocks on a direct handle
   * @throws IllegalArgumentException if the range is misaligned or beyond the device, or some of the
   *     memory is read-only: nothing was read
   * @throws NvmeException if the device reports an error: the memory holds anything
   */
  public void read(MemorySegment[] to, long position) throws IOException {
    StackRoom.check();
    if (has(HandleOption.BUFFERED)) {
      vectored.readBuffered(to, position);
    } else {
      vectored.read(to, position);
    }
  }

  /**
   * Writes segments, one after the other, as one range, with as few commands as {@link
   * #read(MemorySegment[], long)} has. A buffered handle writes one after the other into the cache.
   *
   * @throws IllegalArgumentException if the range is misaligned or beyond the device: nothing was
   *     written
   * @throws NvmeException if the device reports an error: the range holds old or new blocks
   */
  public void write(MemorySegment[] from, long position) throws IOException {
    StackRoom.check();
    if (has(HandleOption.BUFFERED)) {
      vectored.writeBuffered(from, position, has(HandleOption.WRITE_THROUGH));
    } else {
      vectored.write(from, position, writeFlags(), has(HandleOption.WRITE_BEHIND));
    }
  }

  /**
   * Compares the bytes from {@code position} with {@code expected}, on the device.
   *
   * @return whether they are equal
   */
  public boolean compare(MemorySegment expected, long position) throws IOException {
    StackRoom.checkForCalls();
    device.require(device.controller().supportsCompare(), Opcode.COMPARE);
    direct.checkRange(position, expected.byteSize());
    coherence.beforeRead(direct, position, expected.byteSize());
    try {
      direct.transfer(Opcode.COMPARE, 0, expected, position);
      return true;
    } catch (NvmeException e) {
      if (e.hasStatus() && Status.codes(e.status()) == Status.COMPARE_FAILURE) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Waits for the writes that are on their way, writes every dirty block of the device's cache, and has
   * the device make all of it survive a power cut.
   *
   * @throws IOException if that fails, or if a write has failed after it had returned, since this
   *     handle's last flush
   */
  public void flush() throws IOException {
    StackRoom.checkForCalls();
    IOException failed = null;
    direct.awaitWrites();
    try {
      coherence.flush(direct);
    } catch (IOException e) {
      failed = e;
    }
    direct.first().flush();
    if (failed == null) {
      failed = lostWrites();
    }
    if (failed != null) {
      throw failed;
    }
  }

  private synchronized @Nullable IOException lostWrites() {
    long lost = coherence.lostWrites();
    if (lost == lostWritesSeen) {
      return null;
    }
    lostWritesSeen = lost;
    return coherence.lostWrite(device.address());
  }

  /**
   * Tells the device that a range is not needed any more; what it reads as then is up to the device.
   */
  public void discard(long position, long lengthBytes) throws IOException {
    StackRoom.checkForCalls();
    device.checkWritable(Opcode.DATASET_MANAGEMENT, position, lengthBytes);
    device.require(device.controller().supportsDatasetManagement(), Opcode.DATASET_MANAGEMENT);
    direct.checkRange(position, lengthBytes);
    if (lengthBytes > 0) {
      coherence.discard(
          direct, position, lengthBytes, () -> direct.first().deallocate(position, lengthBytes));
    }
  }

  /** Makes a range read as zeroes, without transferring any. */
  public void writeZeroes(long position, long lengthBytes) throws IOException {
    StackRoom.checkForCalls();
    device.checkWritable(Opcode.WRITE_ZEROES, position, lengthBytes);
    device.require(device.controller().supportsWriteZeroes(), Opcode.WRITE_ZEROES);
    direct.checkRange(position, lengthBytes);
    change(Opcode.WRITE_ZEROES, writeFlags(), position, lengthBytes);
  }

  /** Has the device check that a range can be read, without transferring it. */
  public void verify(long position, long lengthBytes) throws IOException {
    StackRoom.checkForCalls();
    device.require(device.controller().supportsVerify(), Opcode.VERIFY);
    direct.checkRange(position, lengthBytes);
    coherence.beforeRead(direct, position, lengthBytes);
    direct.first().range(Opcode.VERIFY, 0, position, lengthBytes);
  }

  /**
   * Marks a range so that reading it fails with "Unrecovered Read Error" until it is written again:
   * for tests of how an application meets media errors.
   */
  public void writeUncorrectable(long position, long lengthBytes) throws IOException {
    StackRoom.checkForCalls();
    device.checkWritable(Opcode.WRITE_UNCORRECTABLE, position, lengthBytes);
    device.require(device.controller().supportsWriteUncorrectable(), Opcode.WRITE_UNCORRECTABLE);
    direct.checkRange(position, lengthBytes);
    change(Opcode.WRITE_UNCORRECTABLE, 0, position, lengthBytes);
  }

  /** A command that changes a range without data of ours. */
  private void change(int opcode, int flags, long position, long lengthBytes) throws IOException {
    if (lengthBytes > 0) {
      coherence.change(
          direct,
          position,
          lengthBytes,
          () -> direct.first().range(opcode, flags, position, lengthBytes));
    }
  }

  // ---- Synchronous operations at the handle's own position.

  /** Where the next {@link #read(MemorySegment)} or {@link #write(MemorySegment)} begins, in bytes. */
  public long position() {
    return position.get();
  }

  /**
   * Moves the position.
   *
   * @return the new position
   * @throws IllegalArgumentException if it would be below 0 or above the size of the device, or, on a
   *     direct handle, not a multiple of the block: the position stays
   */
  public long seek(long offset, SeekOrigin origin) {
    StackRoom.check();
    return position.seek(offset, origin);
  }

  /**
   * Reads at the position and moves it by what was read.
   *
   * @return bytes read: less than {@code to} has at the end of the device, 0 there
   */
  public long read(MemorySegment to) throws IOException {
    StackRoom.check();
    return position.read(to);
  }

  /**
   * Writes at the position and moves it by what was written.
   *
   * @return bytes written: less than {@code from} has across the end of the device
   * @throws NvmeException at the end of the device, too
   */
  public long write(MemorySegment from) throws IOException {
    StackRoom.check();
    return position.write(from);
  }

  // ---- Asynchronous operations.

  /**
   * Posts a read into a part of a buffer. The device sees it after the next {@link NvmeQueue#ring} or
   * {@link NvmeQueue#poll}.
   *
   * @param offset of the data in the buffer, a multiple of 4
   * @return false if the queue is full: nothing has happened
   * @throws NvmeException if the controller has failed for good
   */
  public boolean read(
      AsyncIo operation, DmaBuffer buffer, long offset, long lengthBytes, long position)
      throws IOException {
    StackRoom.checkToPost();
    direct.checkRange(position, lengthBytes);
    coherence.beforeRead(direct, position, lengthBytes);
    return direct.post(operation, Opcode.READ, 0, buffer, offset, lengthBytes, position);
  }

  /** Posts a write of a part of a buffer; otherwise like {@code read}. */
  public boolean write(
      AsyncIo operation, DmaBuffer buffer, long offset, long lengthBytes, long position)
      throws IOException {
    StackRoom.checkToPost();
    device.checkWritable(Opcode.WRITE, position, lengthBytes);
    direct.checkRange(position, lengthBytes);
    coherence.beforeWrite(position, lengthBytes);
    return direct.post(
        operation, Opcode.WRITE, writeFlags(), buffer, offset, lengthBytes, position);
  }

  /**
   * Posts a read into any memory. It stays alive and untouched until the operation is done. Memory of
   * a confined arena needs a queue with manual completion.
   *
   * @return false if the queue is full: nothing has happened
   */
  public boolean read(AsyncIo operation, MemorySegment to, long position) throws IOException {
    return post(operation, Opcode.READ, 0, to, position, false);
  }

  /** Posts a write of any memory; otherwise like {@code read}. */
  public boolean write(AsyncIo operation, MemorySegment from, long position) throws IOException {
    return post(operation, Opcode.WRITE, writeFlags(), from, position, false);
  }

  /** Like {@code read}, but on a full queue the operation waits for a free slot. */
  public void enqueueRead(AsyncIo operation, MemorySegment to, long position) throws IOException {
    post(operation, Opcode.READ, 0, to, position, true);
  }

  /** Like {@code write}, but on a full queue the operation waits for a free slot. */
  public void enqueueWrite(AsyncIo operation, MemorySegment from, long position)
      throws IOException {
    post(operation, Opcode.WRITE, writeFlags(), from, position, true);
  }

  /**
   * Posts a read into segments, as {@link #read(MemorySegment[], long)} does it. Each stays alive and
   * untouched until the operation is done, the array need not.
   *
   * @param to together at least one block
   * @return false if the queue is full: nothing has happened
   */
  public boolean read(AsyncIo operation, MemorySegment[] to, long position) throws IOException {
    StackRoom.check();
    return vectored.post(operation, Opcode.READ, 0, to, position, false);
  }

  /** Posts a write of segments; otherwise like {@code read}. */
  public boolean write(AsyncIo operation, MemorySegment[] from, long position) throws IOException {
    StackRoom.check();
    return vectored.post(operation, Opcode.WRITE, writeFlags(), from, position, false);
  }

  /** Like {@code read}, but on a full queue the operation waits for a free slot. */
  public void enqueueRead(AsyncIo operation, MemorySegment[] to, long position) throws IOException {
    StackRoom.check();
    vectored.post(operation, Opcode.READ, 0, to, position, true);
  }

  /** Like {@code write}, but on a full queue the operation waits for a free slot. */
  public void enqueueWrite(AsyncIo operation, MemorySegment[] from, long position)
      throws IOException {
    StackRoom.check();
    vectored.post(operation, Opcode.WRITE, writeFlags(), from, position, true);
  }

  private boolean post(
      AsyncIo operation,
      int opcode,
      int flags,
      MemorySegment memory,
      long position,
      boolean queueIfFull)
      throws IOException {
    StackRoom.check();
    if (opcode == Opcode.WRITE) {
      device.checkWritable(opcode, position, memory.byteSize());
    }
    direct.checkRange(position, memory.byteSize());
    coherence.beforeAsync(direct, opcode, position, memory.byteSize());
    return direct.post(operation, opcode, flags, memory, position, queueIfFull);
  }

  /** Posts a flush of what the device has completed before; buffered writes are not part of it. */
  public boolean flush(AsyncIo operation) throws IOException {
    StackRoom.check();
    return direct.first().postFlush(operation);
  }

  /**
   * Reads into any memory and rings, so that each call costs a doorbell: many at a time are cheaper with
   * an {@link AsyncIo}. The future ends with an {@link NvmeException} if the device reports an error. On a queue with manual completion somebody has to call {@link NvmeQueue#poll}.
   */
  public CompletableFuture<Void> readAsync(MemorySegment to, long position) throws IOException {
    return start(Opcode.READ, 0, to, position);
  }

  /** Writes any memory; otherwise like {@link #readAsync}. */
  public CompletableFuture<Void> writeAsync(MemorySegment from, long position) throws IOException {
    return start(Opcode.WRITE, writeFlags(), from, position);
  }

  private CompletableFuture<Void> start(int opcode, int flags, MemorySegment memory, long position)
      throws IOException {
    StackRoom.check();
    CompletableFuture<Void> future = new CompletableFuture<>();
    AsyncIo operation = new AsyncIo(done -> DirectIo.complete(future, done));
    post(operation, opcode, flags, memory, position, true);
    direct.ring();
    return future;
  }

  /** Flushes what the device has completed before; otherwise like {@link #readAsync}. */
  public CompletableFuture<Void> flushAsync() throws IOException {
    StackRoom.check();
    return direct.first().startFlush();
  }

  /** Shows what was posted through this handle, and its queues' other commands, to the device. */
  public void ring() {
    StackRoom.check();
    direct.ring();
  }

  /** {@link NvmeQueue#poll} of all queues of the handle. */
  public int poll() {
    return direct.poll();
  }

  /** Waits for the operations in flight and closes the handle. Idempotent. */
  @Override
  public void close() {
    StackRoom.check();
    coherence.awaitWrites(direct);
    direct.close();
  }
}
