package io.nvmedirect.serve;

import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.Controller;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.emulator.BlockDevice;
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
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A device of any kind that is served to others: one queue of it, whose depth all of them share. Owned by
 * the server's thread.
 */
final class ForwardedDevice implements BlockDevice {

  /** Most data of one command; the driver splits what is too large for the device. */
  private static final int DATA_BYTES = 128 << 10;

  /** Each has memory for its data from its first use on. */
  private static final int SLOTS = 256;

  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final long WAIT_NS = 20_000;
  private static final int LOW_PRIORITY = 3;

  private final Controller controller;
  private final IoQueue queue;
  private final List<Namespace> namespaces;
  private final Slot[] slots;

  /** Numbers of the slots whose ends are to be told. */
  private final int[] ended = new int[SLOTS];

  private int endedCount;
  private int begun;

  /** Begun during a look at deadlines. */
  private final List<Slot> waiting = new ArrayList<>();

  /** Whether a thread looks at deadlines, which owns the queue then; volatile so that it gives it back. */
  private volatile boolean looking;

  private boolean closed;

  /** A command, from its begin until its end is told. */
  private final class Slot implements BlockRequest.Listener {
    final BlockRequest request = new BlockRequest(this);
    final int number;
    @Nullable DmaBuffer buffer;
    int status;

    Slot(int number) {
      this.number = number;
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

  private ForwardedDevice(Controller controller, IoQueue queue, List<Namespace> namespaces) {
    this.controller = controller;
    this.queue = queue;
    this.namespaces = namespaces;
    slots = new Slot[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
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
        Controller.open(transport, address, timeout.toNanos(), QueueWeights.DEFAULT);
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
      int depth = Math.min(SLOTS, controller.maxQueueDepth());
      IoQueue queue = controller.openQueue(depth, false, LOW_PRIORITY);
      return new ForwardedDevice(controller, queue, namespaces);
    } catch (IOException | RuntimeException e) {
      try {
        controller.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
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
    return namespace(number).sizeBlocks();
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
    return SLOTS;
  }

  @Override
  public MemorySegment data(int slot) throws IOException {
    return buffer(slots[slot]).segment();
  }

  private DmaBuffer buffer(Slot slot) throws IOException {
    DmaBuffer buffer = slot.buffer;
    if (buffer == null) {
      buffer = DmaBuffer.allocate(controller.dma(), DATA_BYTES);
      slot.buffer = buffer;
    }
    return buffer;
  }

  @Override
  public void begin(int number, int opcode, int namespace, int flags, long slba, int blocks)
      throws IOException {
    Slot slot = slots[number];
    Namespace of = namespace(namespace);
    switch (opcode) {
      case Opcode.FLUSH -> slot.request.flush(of);
      case Opcode.DATASET_MANAGEMENT -> slot.request.deallocate(of, blocks, buffer(slot));
      case Opcode.WRITE_ZEROES -> slot.request.range(opcode, of, flags, slba, blocks);
      default -> slot.request.transfer(opcode, of, flags, slba, blocks, buffer(slot), 0);
    }
    slot.status = 0;
    if (looking) {
      waiting.add(slot);
    } else {
      queue.submitOrQueue(slot.request);
    }
    begun++;
  }

  @Override
  public int poll(Listener listener) {
    if (begun == 0 || looking) {
      return 0;
    }
    submitWaiting();
    queue.ring();
    queue.reap();
    if (queue.isLookDue(System.nanoTime())) {
      lookAtDeadlines();
      return 0;
    }
    BlockRequest request = queue.takeAll();
    while (request != null) {
      BlockRequest next = request.unlink();
      request.deliver();
      request = next;
    }
    int done = endedCount;
    begun -= done;
    endedCount = 0;
    for (int i = 0; i < done; i++) {
      Slot slot = slots[ended[i]];
      listener.completed(slot.number, slot.status);
    }
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
   * A command that takes too long is aborted, or the device reset, which can take many seconds: another
   * thread waits for that, and meanwhile the clients only get no completions.
   */
  private void lookAtDeadlines() {
    looking = true;
    boolean started = false;
    try {
      Thread.ofPlatform().daemon().name("nvme-server-deadlines").start(this::checkDeadlines);
      started = true;
    } finally {
      if (!started) {
        looking = false;
      }
    }
  }

  private void checkDeadlines() {
    try {
      queue.checkDeadlines(System.nanoTime());
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
        LockSupport.parkNanos(WAIT_NS);
      }
    }
    try {
      controller.closeQueue(queue);
    } finally {
      for (Slot slot : slots) {
        if (slot.buffer != null) {
          slot.buffer.close();
        }
      }
      controller.close();
    }
  }
}
