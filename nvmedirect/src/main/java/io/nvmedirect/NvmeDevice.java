package io.nvmedirect;

import io.nvmedirect.address.Addresses;
import io.nvmedirect.address.SystemFailure;
import io.nvmedirect.cache.BlockCache;
import io.nvmedirect.cache.RangeGuard;
import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.driver.Controller;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.BouncePool;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.memory.DmaRegistry;
import io.nvmedirect.spec.ErrorLogEntry;
import io.nvmedirect.spec.IdentifyController;
import io.nvmedirect.spec.IdentifyNamespace;
import io.nvmedirect.spec.LbaFormat;
import io.nvmedirect.spec.NamespaceDescriptors;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.SmartLog;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.StackRoom;
import io.nvmedirect.transport.Transport;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An open NVMe controller and one of its namespaces. Any thread may use it.
 *
 * <p>Closing goes from the inside out: handles, queues, device.
 */
public final class NvmeDevice implements AutoCloseable {

  /** Most commands in flight on a queue, if the caller does not say. */
  private static final int DEFAULT_DEPTH = 255;

  private static final int BOUNCE_BYTES = 128 * 1024;

  /** Together 32 MiB. */
  static final int MOST_BOUNCES = 256;

  /** A command that times out is aborted, and the controller reset, before twice its time is over. */
  private static final int TIMEOUTS_OF_A_WRITE = 3;

  private final String address;
  private final Controller controller;
  private final DmaRegistry registry;
  private final BouncePool bounces;

  private final DeviceQueues queues;

  /** Guards what the holder of the queues' {@code changing} changes, for those who only look. */
  private final Object lock = new Object();

  private boolean closed;

  /** Closing was refused once for blocks of the cache that cannot be written, and nothing came since. */
  private boolean lossReported;

  private volatile Namespace namespace;

  /** Why nothing may be changed; null if it may. */
  private final @Nullable String protection;

  private volatile Coherence coherence;

  private NvmeDevice(
      String address, Controller controller, Namespace namespace, DeviceOptions options)
      throws IOException {
    this.address = address;
    this.controller = controller;
    this.namespace = namespace;
    this.protection =
        options.readOnly()
            ? "is open for reading only"
            : namespace.writeProtected() ? "is write protected" : null;
    this.registry = new DmaRegistry(controller.dma());
    this.bounces = new BouncePool(registry::allocateUnlisted, BOUNCE_BYTES, MOST_BOUNCES);
    this.queues = new DeviceQueues(this, controller, registry);
    boolean made = false;
    try {
      this.coherence = coherence(namespace, options.cachePages(), options.lazyCache());
      made = true;
    } finally {
      if (!made) {
        bounces.close();
      }
    }
  }

  private Coherence coherence(Namespace of, int cachePages, boolean lazy) throws IOException {
    RangeGuard guard =
        new RangeGuard(
            queues.reaper(),
            controller.clock(),
            TIMEOUTS_OF_A_WRITE * Math.max(1, controller.timeoutNs()));
    // A page of the cache holds whole blocks: larger ones go without.
    BlockCache cache =
        cachePages == 0 || of.blockBytes() > BlockCache.PAGE_BYTES
            ? null
            : new BlockCache(
                of.sizeBytes(), of.blockBytes(), cachePages, lazy, registry::allocate, guard);
    return new Coherence(cache, guard, queues.reaper(), of.blockBytes());
  }

  /**
   * Opens a device with the default options, for reading and writing.
   *
   * @param address {@code mem:SIZE}, {@code file:PATH}, {@code pci:0000:01:00.0} or {@code
   *     vfio-user:/run/dev.sock}, with options; see the README
   * @throws NvmeException if that fails; the message names the address and what to do. A file or block device that is
   *     in use (mounted, swap, part of another device, held open) is not opened, and the message says by whom
   */
  public static NvmeDevice open(String address) throws IOException {
    return open(address, DeviceOptions.defaults());
  }

  /**
   * Opens a device.
   *
   * @throws NvmeException if that fails; the message names the address and what to do
   */
  public static NvmeDevice open(String address, DeviceOptions options) throws IOException {
    StackRoom.check();
    try {
      Addresses.Target target = Addresses.connect(address, options.readOnly());
      return open(address, target.transport(), target.namespace(), options, target.clock());
    } catch (IOException e) {
      throw SystemFailure.of(address, e);
    }
  }

  /** Opens what a transport has connected to; it is closed if that fails. */
  static NvmeDevice open(String address, Transport transport, DeviceOptions options)
      throws IOException {
    return open(address, transport, options, Clock.SYSTEM);
  }

  /** Likewise, with a clock for all deadlines and waits. */
  static NvmeDevice open(String address, Transport transport, DeviceOptions options, Clock clock)
      throws IOException {
    return open(address, transport, 0, options, clock);
  }

  /**
   * Opens what a transport has connected to; it is closed if that fails.
   *
   * @param named the namespace that the address names, or 0
   */
  private static NvmeDevice open(
      String address, Transport transport, int named, DeviceOptions options, Clock clock)
      throws IOException {
    Controller controller =
        Controller.open(
            transport, address, options.commandTimeout().toNanos(), options.queueWeights(), clock);
    try {
      return new NvmeDevice(
          address,
          controller,
          choose(controller, address, wanted(address, named, options.namespace())),
          options);
    } catch (IOException | RuntimeException e) {
      try {
        controller.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  private static int wanted(String address, int named, int optional) throws NvmeException {
    if (named != 0 && optional != 0 && named != optional) {
      throw new NvmeException(
          "%s names namespace %d, and the options namespace %d: give one of them"
              .formatted(address, named, optional));
    }
    return named != 0 ? named : optional;
  }

  private static Namespace choose(Controller controller, String address, int wanted)
      throws IOException {
    List<Integer> active = controller.pages().activeNamespaces();
    if (active.isEmpty()) {
      throw new NvmeException(address + ": the controller has no active namespace");
    }
    if (wanted != 0 && !active.contains(wanted)) {
      throw new NvmeException(
          "%s: there is no namespace %d; active are %s".formatted(address, wanted, active));
    }
    return controller.namespace(wanted == 0 ? active.getFirst() : wanted);
  }

  /** The address that the device was opened by. */
  public String address() {
    return address;
  }

  // ---- What the device is.

  /** Identify Controller, as it was when the device was opened. */
  public IdentifyController controller() {
    return controller.identify();
  }

  /** The controller's VS register; {@link io.nvmedirect.spec.Register#versionName} names it. */
  public int version() throws IOException {
    return controller.version();
  }

  /**
   * Whether whatever would change data fails: the device was opened so ({@link DeviceOptions#withReadOnly}), or its
   * namespace was write protected then.
   */
  public boolean isReadOnly() {
    return protection != null;
  }

  /** Identifier of the namespace that handles do I/O on. */
  public int namespaceId() {
    return namespace.id();
  }

  /** Identifiers of the active namespaces, ascending. */
  public List<Integer> namespaceIds() throws IOException {
    StackRoom.check();
    return controller.pages().activeNamespaces();
  }

  /** Identify Namespace of the open namespace, asked anew. */
  public IdentifyNamespace namespace() throws IOException {
    return identifyNamespace(namespace.id());
  }

  /** Identify Namespace of any namespace. */
  public IdentifyNamespace identifyNamespace(int nsid) throws IOException {
    StackRoom.check();
    return controller.pages().namespace(nsid);
  }

  /** The identifiers of the open namespace that stay with it for life. */
  public NamespaceDescriptors descriptors() throws IOException {
    StackRoom.check();
    return controller.pages().namespaceDescriptors(namespace.id());
  }

  /** Bytes of the open namespace. */
  public long sizeBytes() {
    return namespace.sizeBytes();
  }

  /** Bytes of a logical block: the unit of direct I/O. */
  public int blockBytes() {
    return namespace.blockBytes();
  }

  /** Most bytes of one command; larger operations are split. */
  public long maxTransferBytes() {
    return (long) namespace.maxTransferBlocks() << namespace.blockShift();
  }

  /** I/O queues that the controller allows. */
  public int maxQueues() {
    return controller.queueLimit();
  }

  /** Most commands in flight on one queue. */
  public int maxQueueDepth() {
    return controller.maxQueueDepth();
  }

  /** Whether queues can have {@link QueueOption#INTERRUPT}. */
  public boolean hasInterrupts() throws IOException {
    return controller.hasInterrupts();
  }

  /**
   * Whether the controller arbitrates by {@link QueuePriority}: it has weighted round robin, which is
   * used whenever it is there.
   */
  public boolean hasQueuePriorities() {
    return controller.hasQueuePriorities();
  }

  /** The SMART / Health Information log of the controller. */
  public SmartLog smart() throws IOException {
    StackRoom.check();
    return controller.pages().smartLog();
  }

  /**
   * The current value of a feature: the bits that NVMe 1.4, section 5.21.1 draws for it, such as the
   * degrees Kelvin of Temperature Threshold.
   *
   * @param feature a constant of {@link io.nvmedirect.spec.Feature}
   * @throws IllegalArgumentException if it is none of them
   * @throws NvmeException if the controller does not have it
   */
  public int feature(int feature) throws IOException {
    StackRoom.check();
    return controller.pages().feature(feature, namespace.id());
  }

  /** The Error Information log, newest first. */
  public List<ErrorLogEntry> errorLog() throws IOException {
    StackRoom.check();
    return controller.pages().errorLog(controller().errorLogEntries());
  }

  // ---- What it gives.

  /**
   * Allocates memory that the device reaches without a copy.
   *
   * @param lengthBytes at least 1; rounded up to pages of 4096 bytes
   */
  public DmaBuffer allocate(long lengthBytes) throws IOException {
    StackRoom.check();
    synchronized (lock) {
      checkOpen();
      try {
        return registry.allocate(lengthBytes);
      } catch (IOException e) {
        throw SystemFailure.of(address, e);
      }
    }
  }

  /**
   * Makes a handle for I/O through several queues of this device.
   *
   * @param queues at least one
   * @param selector chooses the queue of each command
   */
  public NvmeHandle createHandle(
      List<NvmeQueue> queues, QueueSelector selector, HandleOption... handleOptions) {
    StackRoom.check();
    Objects.requireNonNull(selector, "selector");
    NvmeQueue[] array = queues.toArray(NvmeQueue[]::new);
    if (array.length == 0) {
      throw new IllegalArgumentException("a multi-queue handle has at least one queue");
    }
    for (NvmeQueue queue : array) {
      if (!queue.device().equals(this)) {
        throw new IllegalArgumentException(
            "queue %d is of %s, not of %s"
                .formatted(queue.id(), queue.device().address(), address));
      }
    }
    return NvmeQueue.createHandle(array, selector, handleOptions);
  }

  /** Makes a queue of medium priority and of 255 commands in flight, or as many as the controller allows. */
  public NvmeQueue createQueue(QueueOption... options) throws IOException {
    return createQueue(Math.min(DEFAULT_DEPTH, maxQueueDepth()), options);
  }

  /**
   * Makes a queue of medium priority.
   *
   * @param depth most commands in flight, 1 to {@link #maxQueueDepth}
   * @throws NvmeException if the controller has no queue left, or lacks interrupts
   */
  public NvmeQueue createQueue(int depth, QueueOption... options) throws IOException {
    return createQueue(depth, QueuePriority.MEDIUM, options);
  }

  /**
   * Makes a queue.
   *
   * @param depth most commands in flight, 1 to {@link #maxQueueDepth}
   * @param priority among the queues of the controller; without effect unless {@link
   *     #hasQueuePriorities}
   * @throws NvmeException if the controller has no queue left, or lacks interrupts
   */
  public NvmeQueue createQueue(int depth, QueuePriority priority, QueueOption... options)
      throws IOException {
    StackRoom.check();
    if (depth < 1 || depth > maxQueueDepth()) {
      throw new IllegalArgumentException(
          "a queue of %s has a depth of 1 to %d: depth=%d"
              .formatted(address, maxQueueDepth(), depth));
    }
    EnumSet<QueueOption> set = EnumSet.noneOf(QueueOption.class);
    set.addAll(List.of(options));
    if (set.contains(QueueOption.CONFINED)) {
      set.add(QueueOption.MANUAL_COMPLETION);
    }
    queues.changing().lock();
    try {
      checkOpen();
      // What is written from now on is another loss.
      lossReported = false;
      return queues.create(depth, priority, set);
    } finally {
      queues.changing().unlock();
    }
  }

  /** The open queues. */
  DeviceQueues queues() {
    return queues;
  }

  /**
   * Erases the open namespace and gives it blocks of {@code blockBytes}.
   *
   * @throws IllegalStateException if a queue is open
   * @throws IllegalArgumentException if the namespace has no such format
   * @throws NvmeException if that fails, the device is read-only, or other hosts have the namespace open:
   *     close it there first
   */
  public void format(int blockBytes) throws IOException {
    StackRoom.checkForCalls();
    checkWritable("Format NVM");
    require(controller().supportsFormat(), "Format NVM");
    queues.changing().lock();
    try {
      checkOpen();
      queues.checkNone("format");
      int nsid = namespace.id();
      List<LbaFormat> formats = controller.pages().namespace(nsid).formats();
      int index = 0;
      while (index < formats.size()
          && (formats.get(index).dataBytes() != blockBytes
              || formats.get(index).metadataBytes() != 0)) {
        index++;
      }
      if (index == formats.size()) {
        throw new IllegalArgumentException(
            "namespace %d of %s has no LBA format of %d bytes; it has %s"
                .formatted(nsid, address, blockBytes, formats));
      }
      controller.format(nsid, index);
      BlockCache cache = coherence.cache();
      coherence.close();
      namespace = controller.namespace(nsid);
      coherence =
          cache == null
              ? coherence(namespace, 0, true)
              : coherence(namespace, cache.capacityPages(), cache.lazy());
    } finally {
      queues.changing().unlock();
    }
  }

  // ---- The block cache.

  /** Pages of 4096 bytes that the block cache may hold; 0 if the device was opened without one. */
  public int cachePages() {
    BlockCache cache = coherence.cache();
    return cache == null ? 0 : cache.capacityPages();
  }

  /**
   * Resizes the block cache; what must go is written back first.
   *
   * @param pages pages of 4096 bytes, at least 1
   * @return the resulting size
   * @throws NvmeException if the device was opened without a cache, or all the queues that the
   *     controller allows are confined ones
   */
  public int resizeCache(int pages) throws IOException {
    StackRoom.checkForCalls();
    BlockCache cache = requireCache();
    if (pages < 1) {
      throw new IllegalArgumentException("a cache has at least 1 page: pages=" + pages);
    }
    withPaths(paths -> cache.resize(paths, pages));
    return cache.capacityPages();
  }

  /** Whether the cache allocates its memory when it is first needed, and not at once. */
  public boolean isCacheLazy() {
    BlockCache cache = coherence.cache();
    return cache != null && cache.lazy();
  }

  /** See {@link #isCacheLazy}. */
  public void setCacheLazy(boolean lazy) throws IOException {
    StackRoom.check();
    requireCache().lazy(lazy);
  }

  private BlockCache requireCache() throws NvmeException {
    BlockCache cache = coherence.cache();
    if (cache == null) {
      throw new NvmeException(address + ": the device was opened without a cache");
    }
    return cache;
  }

  /** Runs what the device itself does, not for a handle. */
  private void withPaths(DeviceQueues.Action action) throws IOException {
    queues.changing().lock();
    try {
      checkOpen();
      queues.run(Math.min(DEFAULT_DEPTH, maxQueueDepth()), action);
    } finally {
      queues.changing().unlock();
    }
  }

  /**
   * Writes the cache's dirty blocks and shuts the controller down. Idempotent.
   *
   * @throws IllegalStateException if queues are open: the device stays open too
   * @throws IOException if dirty blocks cannot be written, or if a write had failed after it had returned
   *     and no flush has told of it: the device stays open once, and the next call closes it, whatever can
   *     be written then. If the controller has failed for good, or another host has changed the
   *     namespace, the device is closed at once
   * @throws NvmeException if the controller does not shut down; the device is closed all the same
   */
  @Override
  public void close() throws IOException {
    StackRoom.checkForCalls();
    IOException lost = null;
    queues.changing().lock();
    try {
      synchronized (lock) {
        if (closed) {
          return;
        }
      }
      queues.checkNone("close");
      if (!coherence.isClean()) {
        lost = writeBack();
      }
      if (lost == null) {
        coherence.reportLostWrites(address);
      }
      synchronized (lock) {
        closed = true;
      }
    } finally {
      queues.changing().unlock();
    }
    try (controller) {
      queues.close();
      coherence.close();
      registry.close();
      bounces.close();
    }
    if (lost != null) {
      throw lost;
    }
  }

  /**
   * Empties the cache; returns what was lost if it has nowhere to go: the controller has failed for good, or
   * another host has changed the namespace.
   */
  private @Nullable IOException writeBack() throws IOException {
    try {
      withPaths(coherence::flush);
      return null;
    } catch (IOException e) {
      coherence.tellOfLostWrites();
      if (controller.hasFailed() || namespace.change() != null) {
        return new NvmeException(
            address + ": closed with blocks in the cache that are lost now", e);
      }
      if (!lossReported) {
        lossReported = true;
        throw new NvmeException(
            address
                + ": blocks of the cache cannot be written, and the device stays open for now; closing"
                + " it again tries once more and gives up what still cannot be written",
            e);
      }
      coherence.abandon();
      return null;
    }
  }

  /** Whether the device is closed: also if {@link #close} threw, it may be. */
  public boolean isClosed() {
    StackRoom.check();
    synchronized (lock) {
      return closed;
    }
  }

  private void checkOpen() {
    if (isClosed()) {
      throw new IllegalStateException("the device is closed: " + address);
    }
  }

  // ---- For handles.

  /** Acts on events of the controller's, if there are any. */
  void takeEvents() {
    if (controller.hasEvents()) {
      controller.takeEvents();
    }
  }

  Namespace ioNamespace() {
    return namespace;
  }

  Coherence coherence() {
    return coherence;
  }

  /** Throws unless the range of bytes is within the device. */
  void checkBytes(long position, long lengthBytes) {
    long size = namespace.sizeBytes();
    if (position < 0 || lengthBytes > size - position) {
      throw new IllegalArgumentException(
          "the range is not within the device: position=%d, length=%d, size=%d"
              .formatted(position, lengthBytes, size));
    }
  }

  DmaRegistry registry() {
    return registry;
  }

  BouncePool bounces() {
    return bounces;
  }

  /** Gives a bounce buffer back, unless a lost controller might still write to it. */
  void giveBack(DmaBuffer bounce) {
    if (!bounce.isInUse()) {
      bounces.giveBack(bounce);
    } else {
      bounces.lose(bounce);
    }
  }

  DmaMapper dma() {
    return controller.dma();
  }

  boolean mayStillUseMemory() {
    return controller.mayStillUseMemory();
  }

  /** Throws if what a command would change may not be changed. */
  void checkWritable(int ioOpcode, long position, long lengthBytes) throws NvmeException {
    if (protection != null) {
      checkWritable(
          "%s of %d bytes at %d".formatted(Opcode.ioName(ioOpcode), lengthBytes, position));
    }
  }

  private void checkWritable(String command) throws NvmeException {
    if (protection != null) {
      throw new NvmeException(
          "%s %s: %s".formatted(address, protection, command),
          Status.NAMESPACE_WRITE_PROTECTED | Status.DNR);
    }
  }

  /** Throws if the controller lacks an optional command. */
  void require(boolean supported, int ioOpcode) throws NvmeException {
    require(supported, Opcode.ioName(ioOpcode));
  }

  private void require(boolean supported, String command) throws NvmeException {
    if (!supported) {
      throw new NvmeException(
          "%s: the controller (%s) does not support %s"
              .formatted(address, controller().modelNumber(), command));
    }
  }
}
