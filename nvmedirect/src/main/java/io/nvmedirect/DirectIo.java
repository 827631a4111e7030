package io.nvmedirect;

import io.nvmedirect.cache.Store;
import io.nvmedirect.driver.Flow;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.memory.DmaRegistry;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Block I/O through one queue: checks, finds the memory or a bounce buffer for it, submits, and counts
 * what is outstanding. Any thread that may use the queue.
 */
final class DirectIo {

  /** One per thread, for a thread is in one synchronous operation at a time. */
  private static final ThreadLocal<AsyncIo> SYNCHRONOUS = ThreadLocal.withInitial(AsyncIo::new);

  private static final long MAX_RANGE_BLOCKS = 0xFFFF_FFFFL;
  private static final long MAX_RANGES = 256L;

  private final NvmeQueue queue;
  private final boolean confined;
  private final NvmeDevice device;
  private final DmaMapper dma;
  private final Namespace namespace;
  private final long blockMask;
  private final long sizeBytes;
  private final VectoredPath vectored;
  private volatile CompletionPolicy policy = CompletionPolicy.POLL;

  /** Made when it is first needed, and kept. */
  private volatile @Nullable LatencyModel latencies;

  /** The handle's requests on this queue, for its scheduler. */
  private final Flow flow = new Flow();

  /** Operations that are not done. */
  private final OperationCount outstanding;

  /** Asynchronous writes that are not done on the device. */
  private final AsyncWrites asyncWrites;

  private final AtomicBoolean closed = new AtomicBoolean();

  /** The handle's way to the device, for what a write finds in the cache. */
  private @Nullable Store store;

  /**
   * @param confined all queues of the handle are: then so are the operations and their counts, also of an
   *     operation that has parts on several of them
   */
  DirectIo(NvmeQueue queue, boolean confined) {
    this.queue = queue;
    this.confined = confined;
    this.outstanding = new OperationCount(confined);
    this.asyncWrites = new AsyncWrites(confined);
    this.device = queue.device();
    this.dma = device.dma();
    this.namespace = device.ioNamespace();
    this.blockMask = namespace.blockBytes() - 1L;
    this.sizeBytes = namespace.sizeBytes();
    this.vectored = new VectoredPath(this, namespace);
  }

  /** Called once, before any I/O. */
  void store(Store handleStore) {
    store = handleStore;
  }

  boolean isConfined() {
    return confined;
  }

  NvmeDevice device() {
    return device;
  }

  NvmeQueue queue() {
    return queue;
  }

  /** I/O on several segments. */
  VectoredPath vectored() {
    return vectored;
  }

  int outstanding() {
    return outstanding.get();
  }

  /** How synchronous operations are waited for from now on. */
  void policy(CompletionPolicy policy) {
    if (policy == CompletionPolicy.HYBRID && latencies == null) {
      latencies = new LatencyModel();
    }
    this.policy = policy;
  }

  Flow flow() {
    return flow;
  }

  // ---- Synchronous operations.

  /** Read, Write or Compare of any memory. */
  void transfer(int opcode, int flags, MemorySegment memory, long position) throws IOException {
    long length = memory.byteSize();
    checkMemory(opcode, memory);
    checkRange(position, length);
    if (length == 0) {
      return;
    }
    DmaBuffer direct = device.registry().acquire(memory);
    if (direct != null) {
      run(opcode, flags, position, length, direct, DmaRegistry.offset(direct, memory));
      return;
    }
    boolean shares = takeShare();
    try {
      bounce(opcode, flags, memory, position, length, shares);
    } finally {
      giveShareBack(shares);
    }
  }

  /** Copies through a bounce buffer, window by window. */
  private void bounce(
      int opcode, int flags, MemorySegment memory, long position, long length, boolean shares)
      throws IOException {
    DmaBuffer bounce = takeBounce(shares);
    try {
      for (long done = 0; done < length; ) {
        long window = Math.min(length - done, bounce.byteSize());
        if (opcode != Opcode.READ) {
          MemorySegment.copy(memory, done, bounce.segment(), 0, window);
        }
        bounce.acquire();
        run(opcode, flags, position + done, window, bounce, 0);
        if (opcode == Opcode.READ) {
          MemorySegment.copy(bounce.segment(), 0, memory, done, window);
        }
        done += window;
      }
    } finally {
      device.giveBack(bounce);
    }
  }

  /** Waits for a share of the bounce buffers; false if the thread is to do without. */
  boolean takeShare() {
    // Who runs callbacks may be the one to complete the operations of those that have the shares.
    boolean shares = !NvmeQueue.isDelivering();
    if (shares) {
      device.bounces().takeShare();
    }
    return shares;
  }

  /** A bounce buffer for a thread that waits for the operation, with what {@link #takeShare} has returned. */
  DmaBuffer takeBounce(boolean shares) throws IOException {
    return shares ? device.bounces().takeWithShare() : device.bounces().take();
  }

  /** Gives back what {@link #takeShare} has returned. */
  void giveShareBack(boolean shares) {
    if (shares) {
      device.bounces().giveShareBack();
    }
  }

  /** {@code buffer} is acquired; the operation releases it. */
  void run(int opcode, int flags, long position, long length, DmaBuffer buffer, long offset)
      throws IOException {
    int shift = namespace.blockShift();
    AsyncIo io = synchronous();
    begin(io, false, opcode, position, length, buffer);
    io.request()
        .transfer(opcode, namespace, flags, position >>> shift, length >>> shift, buffer, offset);
    runToEnd(io);
  }

  /** A command on a range without data. */
  void range(int opcode, int flags, long position, long lengthBytes) throws IOException {
    checkRange(position, lengthBytes);
    if (lengthBytes == 0) {
      return;
    }
    int shift = namespace.blockShift();
    AsyncIo io = synchronous();
    begin(io, false, opcode, position, lengthBytes);
    io.request().range(opcode, namespace, flags, position >>> shift, lengthBytes >>> shift);
    runToEnd(io);
  }

  void flush() throws IOException {
    AsyncIo io = synchronous();
    begin(io, false, Opcode.FLUSH, 0, 0);
    io.request().flush(namespace);
    runToEnd(io);
  }

  /** Dataset Management with as many ranges and commands as the length needs. */
  void deallocate(long position, long lengthBytes) throws IOException {
    checkRange(position, lengthBytes);
    boolean shares = takeShare();
    try {
      long block = position >>> namespace.blockShift();
      long left = lengthBytes >>> namespace.blockShift();
      while (left > 0) {
        long blocks = Math.min(left, MAX_RANGES * MAX_RANGE_BLOCKS);
        deallocateBlocks(block, blocks, shares);
        block += blocks;
        left -= blocks;
      }
    } finally {
      giveShareBack(shares);
    }
  }

  /** One command: as many blocks as its ranges have room for. */
  private void deallocateBlocks(long first, long blocks, boolean shares) throws IOException {
    DmaBuffer ranges = takeBounce(shares);
    try {
      int count = 0;
      for (long done = 0; done < blocks; done += MAX_RANGE_BLOCKS) {
        int part = (int) Math.min(blocks - done, MAX_RANGE_BLOCKS);
        long at = (long) count * Sqe.DSM_RANGE_BYTES;
        Sqe.datasetRange(ranges.segment(), at, first + done, part);
        count++;
      }
      int shift = namespace.blockShift();
      AsyncIo io = synchronous();
      ranges.acquire();
      begin(io, false, Opcode.DATASET_MANAGEMENT, first << shift, blocks << shift, ranges);
      io.request().deallocate(namespace, count, ranges, 0);
      runToEnd(io);
    } finally {
      device.giveBack(ranges);
    }
  }

  /** An operation for a thread that waits for it; see {@link #runToEnd}. */
  static AsyncIo synchronous() {
    AsyncIo io = SYNCHRONOUS.get();
    // A callback that runs while its thread waits may do synchronous I/O itself.
    return io.isInFlight() ? new AsyncIo() : io;
  }

  /** Submits, waits, and throws if the operation has failed. */
  void runToEnd(AsyncIo io) throws IOException {
    submitAndReap(io);
    queue.completionWait().await(io, policy, latencies);
    try {
      io.throwIfFailed();
    } finally {
      io.forget();
    }
  }

  // ---- Asynchronous operations.

  /** Posts a transfer of a part of a buffer; false if the queue is full. The range was checked. */
  boolean post(
      AsyncIo io,
      int opcode,
      int flags,
      DmaBuffer buffer,
      long offset,
      long lengthBytes,
      long position)
      throws IOException {
    checkNotEmpty(lengthBytes);
    Objects.checkFromIndexSize(offset, lengthBytes, buffer.byteSize());
    if ((offset & 3) != 0) {
      throw new IllegalArgumentException("the offset is no multiple of 4: offset=" + offset);
    }
    if (!buffer.isOf(dma)) {
      throw new IllegalArgumentException(
          "the buffer is another device's, not of %s: %s".formatted(device.address(), buffer));
    }
    buffer.acquire();
    begin(io, true, opcode, position, lengthBytes, buffer);
    boolean prepared = false;
    try {
      register(io);
      int shift = namespace.blockShift();
      io.request()
          .transfer(
              opcode, namespace, flags, position >>> shift, lengthBytes >>> shift, buffer, offset);
      prepared = true;
    } finally {
      if (!prepared) {
        abandon(io);
      }
    }
    return submit(io);
  }

  /** Posts a transfer of any memory; false if the queue is full and it is not to wait for a slot. */
  boolean post(
      AsyncIo io, int opcode, int flags, MemorySegment memory, long position, boolean queueIfFull)
      throws IOException {
    prepare(io, true, opcode, flags, memory, position);
    if (!queueIfFull) {
      return submit(io);
    }
    submitOrQueue(io, false);
    return true;
  }

  /** Submits a write that whoever waits for something completes. */
  void writeBehind(AsyncIo io, int flags, MemorySegment from, long position) throws IOException {
    prepare(io, false, Opcode.WRITE, flags, from, position);
    submitOrQueue(io, true);
  }

  AsyncWrites asyncWrites() {
    return asyncWrites;
  }

  /** Takes an operation that ends with the last of its parts. */
  void beginSpread(AsyncIo io, int opcode, long position, long lengthBytes) {
    checkNotEmpty(lengthBytes);
    begin(io, true, opcode, position, lengthBytes);
    if (opcode == Opcode.WRITE) {
      // Its parts count as writes themselves.
      asyncWriteEnded(io);
    }
  }

  /** Posts a Flush; false if the queue is full. */
  boolean postFlush(AsyncIo io) throws IOException {
    begin(io, true, Opcode.FLUSH, 0, 0);
    io.request().flush(namespace);
    return submit(io);
  }

  /** Starts a Flush, now or when a slot is free. */
  CompletableFuture<Void> startFlush() throws IOException {
    CompletableFuture<Void> future = new CompletableFuture<>();
    AsyncIo io = new AsyncIo(done -> complete(future, done));
    begin(io, true, Opcode.FLUSH, 0, 0);
    io.request().flush(namespace);
    submitOrQueue(io, true);
    return future;
  }

  static void complete(CompletableFuture<Void> future, AsyncIo io) {
    try {
      io.throwIfFailed();
      future.complete(null);
    } catch (NvmeException | RuntimeException | Error e) {
      // Whatever it was, nobody else completes the future.
      future.completeExceptionally(e);
    }
  }

  private void prepare(
      AsyncIo io, boolean asynchronous, int opcode, int flags, MemorySegment memory, long position)
      throws IOException {
    long length = memory.byteSize();
    checkMemory(opcode, memory);
    checkRange(position, length);
    checkNotEmpty(length);
    begin(io, asynchronous, opcode, position, length);
    boolean prepared = false;
    try {
      register(io);
      attachMemory(io, opcode, flags, memory, position);
      prepared = true;
    } finally {
      if (!prepared) {
        abandon(io);
      }
    }
  }

  private void attachMemory(AsyncIo io, int opcode, int flags, MemorySegment memory, long position)
      throws IOException {
    int shift = namespace.blockShift();
    DmaBuffer direct = device.registry().acquire(memory);
    if (direct != null) {
      io.direct(direct);
      long offset = DmaRegistry.offset(direct, memory);
      long blocks = memory.byteSize() >>> shift;
      io.request().transfer(opcode, namespace, flags, position >>> shift, blocks, direct, offset);
      return;
    }
    checkAsynchronous(memory);
    DmaBuffer buffer = device.bounces().take();
    Bounce bounce = null;
    try {
      MemorySegment[] all = {memory};
      bounce = new Bounce(namespace, io.request(), opcode, flags, position >>> shift, all, buffer);
    } finally {
      if (bounce == null) {
        device.giveBack(buffer);
      }
    }
    io.bounced(bounce);
    bounce.prepareWindow();
  }

  /** Throws if another thread may have to access the memory and cannot. */
  void checkAsynchronous(MemorySegment memory) {
    if (!DmaRegistry.isShared(memory) && !queue.options().contains(QueueOption.MANUAL_COMPLETION)) {
      throw new IllegalArgumentException(
          "memory of a confined arena needs a queue with manual completion, for another thread would"
              + " complete the operation: "
              + memory);
    }
  }

  // ---- The life of an operation.

  /** {@code buffer} is acquired, and released with the end of the operation or if this throws. */
  private void begin(
      AsyncIo io,
      boolean asynchronous,
      int opcode,
      long position,
      long lengthBytes,
      DmaBuffer buffer) {
    boolean begun = false;
    try {
      begin(io, asynchronous, opcode, position, lengthBytes);
      io.direct(buffer);
      begun = true;
    } finally {
      if (!begun) {
        buffer.release();
      }
    }
  }

  /** Registers an operation that was begun, if it writes, until the device has done it. */
  void register(AsyncIo io) throws IOException {
    if (io.opcode() == Opcode.WRITE) {
      Coherence coherence = device.coherence();
      coherence.register(Objects.requireNonNull(store), io.position(), io.lengthBytes());
      io.registered(coherence);
    }
  }

  /** Takes an operation; from now on it ends in {@link #abandon}, or by being submitted. */
  void begin(AsyncIo io, boolean asynchronous, int opcode, long position, long lengthBytes) {
    queue.checkOwner();
    io.begin(this, asynchronous, opcode, position, lengthBytes);
    // Counted before the look, so that a close at the same time waits for it or is seen here.
    outstanding.add(1);
    if (asynchronous) {
      queue.asyncBegins();
      if (opcode == Opcode.WRITE) {
        io.writeEpoch(asyncWrites.begin());
      }
    }
    if (closed.get()) {
      abandon(io);
      throw closedException();
    }
  }

  void checkOpen() {
    if (closed.get()) {
      throw closedException();
    }
  }

  /** Throws unless data of the namespace may be accessed, for accesses that may not come to the device. */
  void checkUsable() throws NvmeException {
    checkOpen();
    device.takeEvents();
    namespace.checkUnchanged();
  }

  /** What another host has made of the namespace, or null. */
  @Nullable String namespaceChange() {
    return namespace.change();
  }

  private IllegalStateException closedException() {
    return new IllegalStateException("the handle is closed: " + device.address());
  }

  /** Gives an operation back that was begun and not submitted. */
  void abandon(AsyncIo io) {
    if (io.isAsynchronous() && io.opcode() == Opcode.WRITE) {
      asyncWriteEnded(io);
    }
    io.cancel();
    operationEnds(io.isAsynchronous());
  }

  boolean submit(AsyncIo io) throws IOException {
    boolean submitted = false;
    try {
      submitted = queue.submit(io.request());
    } finally {
      if (!submitted) {
        abandon(io);
      }
    }
    if (submitted) {
      queue.asyncSubmitted();
    }
    return submitted;
  }

  void submitOrQueue(AsyncIo io, boolean ring) throws IOException {
    boolean submitted = false;
    try {
      queue.submitOrQueue(io.request(), ring);
      submitted = true;
    } finally {
      if (!submitted) {
        abandon(io);
      }
    }
    if (io.isAsynchronous()) {
      queue.asyncSubmitted();
    }
  }

  private void submitAndReap(AsyncIo io) throws IOException {
    boolean submitted = false;
    try {
      queue.submitAndReap(io.request());
      submitted = true;
    } finally {
      if (!submitted) {
        abandon(io);
      }
    }
  }

  /** An asynchronous write has ended on the device; its completion is still to be delivered. */
  void asyncWriteEnded(AsyncIo io) {
    asyncWrites.end(io.writeEpoch());
  }

  void operationEnds(boolean asynchronous) {
    if (asynchronous) {
      queue.asyncEnds();
    }
    outstanding.add(-1);
  }

  void checkRange(long position, long lengthBytes) {
    if (((position | lengthBytes) & blockMask) != 0) {
      throw misaligned(position, lengthBytes);
    }
    if ((position | lengthBytes) < 0 || lengthBytes > sizeBytes - position) {
      throw outside(position, lengthBytes);
    }
  }

  private IllegalArgumentException misaligned(long position, long lengthBytes) {
    return new IllegalArgumentException(
        "position and length must be multiples of the block of %d bytes: position=%d, length=%d"
            .formatted(blockMask + 1, position, lengthBytes));
  }

  private IllegalArgumentException outside(long position, long lengthBytes) {
    return new IllegalArgumentException(
        "the range is not within the device: position=%d, length=%d, size=%d"
            .formatted(position, lengthBytes, sizeBytes));
  }

  static void checkNotEmpty(long lengthBytes) {
    if (lengthBytes == 0) {
      throw new IllegalArgumentException(
          "an asynchronous operation has at least one block: length=0");
    }
  }

  private static void checkMemory(int opcode, MemorySegment memory) {
    if (opcode == Opcode.READ && memory.isReadOnly()) {
      throw new IllegalArgumentException("the memory to read into is read-only: " + memory);
    }
  }

  /** No operation begins from now on; false if it was closed before. */
  boolean close() {
    return closed.compareAndSet(false, true);
  }

  /** Takes {@link #close} back. */
  void reopen() {
    closed.set(false);
  }
}
