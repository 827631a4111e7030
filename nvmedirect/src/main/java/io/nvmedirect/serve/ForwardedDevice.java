package io.nvmedirect.serve;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.Controller;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.emulator.BlockDevice;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.QueueWeights;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.Transport;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A device of any kind that is served to others: one queue of it, whose depth all of them share. Owned by
 * the server's thread.
 */
final class ForwardedDevice implements BlockDevice {

  private static final System.Logger LOG = SafeLogger.of(ForwardedDevice.class);

  /** Most data of one command; the driver splits what is too large for the device. */
  private static final int DATA_BYTES = 128 << 10;

  private static final int MOST_SLOTS = 256;

  /** Slots that have their data in one buffer, of 2 MiB: large enough for huge pages. */
  private static final int SLOTS_PER_BUFFER = 16;

  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final long WAIT_NS = 20_000;
  private static final int LOW_PRIORITY = 3;

  private final Controller controller;
  private final IoQueue queue;
  private final List<Namespace> namespaces;
  private final List<DmaBuffer> buffers;

  /** By number: what the device's owner has made of it, once that is known; gone if it is the old one. */
  private final @Nullable Namespace[] replacements;

  private final Slot[] slots;

  /** By number: not active any more. */
  private final boolean[] gone;

  /** Numbers of the slots whose ends are to be told. */
  private final int[] ended;

  private int endedCount;

  /** How many of those were told: who is told may throw, and the others wait. */
  private int toldCount;

  private int begun;

  /** Begun during a look at deadlines. */
  private final List<Slot> waiting = new ArrayList<>(MOST_SLOTS);

  /** Whether a thread looks at deadlines, which owns the queue then; volatile so that it gives it back. */
  private volatile boolean looking;

  private boolean closed;

  /** A command, from its begin until its end is told. */
  private final class Slot implements BlockRequest.Listener {
    final BlockRequest request = new BlockRequest(this);
    final int number;

    /** In which the data of the slot begins at an offset. */
    final DmaBuffer buffer;

    final long offset;
    final MemorySegment data;
    int status;

    Slot(int number) {
      this.number = number;
      buffer = buffers.get(number / SLOTS_PER_BUFFER);
      offset = (long) number % SLOTS_PER_BUFFER * DATA_BYTES;
      data = buffer.segment().asSlice(offset, DATA_BYTES);
    }

    @Override
    public boolean ended(int endStatus) {
      status = endStatus;
      return false;
    }

    @Override
    public void finished() {
      ended[endedCount++] = number;
    }
  }

  private ForwardedDevice(
      Controller controller, IoQueue queue, List<Namespace> namespaces, List<DmaBuffer> buffers) {
    this.controller = controller;
    this.queue = queue;
    this.namespaces = namespaces;
    this.buffers = buffers;
    this.replacements = new Namespace[namespaces.size() + 1];
    this.gone = new boolean[namespaces.size() + 1];
    slots = new Slot[SLOTS_PER_BUFFER * buffers.size()];
    ended = new int[slots.length];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = new Slot(i);
    }
  }

  /**
   * Brings a controller up, which is closed if that fails.
   *
   * @param only the namespace that the address names, or 0
   */
  static ForwardedDevice open(Transport transport, String address, int only) throws IOException {
    return open(transport, address, only, TIMEOUT);
  }

  /**
   * Like the method above.
   *
   * @param timeout of a command, before it is aborted
   */
  static ForwardedDevice open(Transport transport, String address, int only, Duration timeout)
      throws IOException {
    Controller controller =
        Controller.open(transport, address, timeout.toNanos(), QueueWeights.DEFAULT, Clock.SYSTEM);
    try {
      List<Namespace> namespaces = new ArrayList<>();
      for (int nsid : controller.pages().activeNamespaces()) {
        if (only == 0 || nsid == only) {
          namespaces.add(controller.namespace(nsid));
        }
      }
      if (namespaces.isEmpty()) {
        throw new NvmeException(
            address + (only == 0 ? ": no namespace is active" : ": there is no namespace " + only));
      }
      int depth = Math.min(MOST_SLOTS, controller.maxQueueDepth());
      IoQueue queue = controller.openQueue(depth, false, LOW_PRIORITY);
      boolean opened = false;
      try {
        List<DmaBuffer> buffers = allocate(controller);
        opened = true;
        return new ForwardedDevice(controller, queue, namespaces, buffers);
      } finally {
        if (!opened) {
          controller.closeQueue(queue);
        }
      }
    } catch (IOException | RuntimeException e) {
      try {
        controller.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  /**
   * The memory of all slots, now, so that no command fails for want of it. Where less can be had there are
   * fewer slots, and commands wait for one.
   */
  private static List<DmaBuffer> allocate(Controller controller) throws IOException {
    List<DmaBuffer> buffers = new ArrayList<>();
    try {
      while (buffers.size() * SLOTS_PER_BUFFER < MOST_SLOTS) {
        buffers.add(DmaBuffer.allocate(controller.dma(), (long) SLOTS_PER_BUFFER * DATA_BYTES));
      }
    } catch (IOException e) {
      if (buffers.isEmpty()) {
        throw e;
      }
      if (buffers.size() > 1) {
        buffers.removeLast().close(); // what else needs some finds room
      }
      Clients.log(
          "%s: %d commands of clients at a time instead of %d, for want of memory"
              .formatted(controller.name(), buffers.size() * SLOTS_PER_BUFFER, MOST_SLOTS),
          e);
    }
    return List.copyOf(buffers);
  }

  private Namespace namespace(int number) {
    return namespaces.get(number - 1);
  }

  @Override
  public int namespaces() {
    return namespaces.size();
  }

  @Override
  public long blocks(int number) {
    return gone[number] ? 0 : namespace(number).sizeBlocks();
  }

  @Override
  public int blockBytes(int number) {
    return namespace(number).blockBytes();
  }

  @Override
  public long maxTransferBytes() {
    return DATA_BYTES;
  }

  @Override
  public boolean supports(int opcode) {
    return switch (opcode) {
      case Opcode.READ, Opcode.WRITE, Opcode.FLUSH -> true;
      case Opcode.COMPARE -> controller.identify().supportsCompare();
      case Opcode.WRITE_ZEROES -> controller.identify().supportsWriteZeroes();
      case Opcode.DATASET_MANAGEMENT -> controller.identify().supportsDatasetManagement();
      default -> false;
    };
  }

  @Override
  public int slots() {
    return slots.length;
  }

  @Override
  public MemorySegment data(int slot) {
    return slots[slot].data;
  }

  @Override
  public void begin(int number, int opcode, int namespace, int flags, long slba, int blocks)
      throws IOException {
    Slot slot = slots[number];
    Namespace of = namespace(namespace);
    switch (opcode) {
      case Opcode.FLUSH -> slot.request.flush(of);
      case Opcode.DATASET_MANAGEMENT ->
          slot.request.deallocate(of, blocks, slot.buffer, slot.offset);
      case Opcode.WRITE_ZEROES -> slot.request.range(opcode, of, flags, slba, blocks);
      default -> slot.request.transfer(opcode, of, flags, slba, blocks, slot.buffer, slot.offset);
    }
    slot.status = 0;
    if (of.change() != null) {
      slot.status = Status.INVALID_NAMESPACE;
      slot.finished();
    } else if (looking) {
      waiting.add(slot);
    } else {
      submit(slot, of);
    }
    begun++;
  }

  private void submit(Slot slot, Namespace of) throws NvmeException {
    try {
      queue.submitOrQueue(slot.request);
    } catch (NvmeException e) {
      if (of.change() == null) {
        throw e;
      }
      slot.status = Status.INVALID_NAMESPACE;
      slot.finished();
    }
  }

  @Override
  public int takeChanged() {
    if (looking) {
      return 0;
    }
    boolean look = controller.hasEvents();
    for (int number = 1; number <= namespaces.size(); number++) {
      Namespace replacement = replacements[number];
      if (replacement != null) {
        replacements[number] = null;
        gone[number] = replacement.equals(namespace(number));
        namespaces.set(number - 1, replacement);
        return number;
      }
      look |= !gone[number] && namespace(number).change() != null;
    }
    if (look) {
      lookAtDeadlines();
    }
    return 0;
  }

  /** Finds out what has become of namespaces that have changed. */
  private void identifyChanged() {
    for (int number = 1; number <= namespaces.size(); number++) {
      Namespace old = namespace(number);
      if (old.change() != null && !gone[number]) {
        try {
          replacements[number] = controller.namespace(old.id());
        } catch (IOException e) {
          replacements[number] = old;
          LOG.log(System.Logger.Level.WARNING, "a namespace is not served any more", e);
        }
      }
    }
  }

  @Override
  public int poll(Listener listener) {
    if (toldCount > 0) {
      return tell(listener);
    }
    if (begun == 0 || looking) {
      return 0;
    }
    submitWaiting();
    queue.ring();
    queue.reap();
    if (queue.isLookDue(Clock.SYSTEM.nanoTime())) {
      lookAtDeadlines();
      if (looking) {
        return 0;
      }
    }
    BlockRequest request = queue.takeAll();
    while (request != null) {
      BlockRequest next = request.unlink();
      request.deliver();
      request = next;
    }
    return tell(listener);
  }

  private int tell(Listener listener) {
    int done = endedCount - toldCount;
    while (toldCount < endedCount) {
      Slot slot = slots[ended[toldCount++]];
      begun--;
      listener.completed(slot.number, slot.status);
    }
    toldCount = 0;
    endedCount = 0;
    return done;
  }

  private void submitWaiting() {
    for (int i = 0; i < waiting.size(); i++) {
      Slot slot = waiting.get(i);
      try {
        queue.submitOrQueue(slot.request);
      } catch (NvmeException e) {
        slot.status = Status.INTERNAL_ERROR;
        slot.finished();
      }
    }
    waiting.clear();
  }

  /**
   * A command that takes too long is aborted, or the device reset, or asked for what has changed, which can
   * take many seconds: another thread waits for that, and meanwhile the clients only get no completions.
   */
  private void lookAtDeadlines() {
    looking = true;
    try {
      Thread.ofPlatform().daemon().name("nvme-server-deadlines").start(this::checkDeadlines);
    } catch (OutOfMemoryError e) {
      looking = false; // no thread can be had: the next poll tries again
    }
  }

  private void checkDeadlines() {
    try {
      queue.checkDeadlines(Clock.SYSTEM.nanoTime());
      identifyChanged();
    } catch (RuntimeException | Error e) {
      Clients.log("a look at deadlines failed, and will be done again", e);
    } finally {
      looking = false;
    }
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    while (begun > 0 || looking) {
      if (poll((slot, status) -> {}) == 0) {
        Clock.SYSTEM.parkNanos(this, WAIT_NS);
      }
    }
    try {
      controller.closeQueue(queue);
    } finally {
      buffers.forEach(DmaBuffer::close);
      controller.close();
    }
  }
}
