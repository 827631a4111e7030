package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.Cqe;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.transport.AdminCommands;
import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A submission and a completion ring in memory, with doorbells (NVMe 1.4, section 4.1).
 *
 * <p>Both rings have the same number of entries and at most one less is in flight, so neither can
 * overrun: the head that the controller reports need not be looked at. An entry is written by plain
 * stores; the doorbell publishes it. A completion is new when its phase tag is the expected one, which
 * changes with each turn of the ring.
 */
final class RingQueuePair implements QueuePair {

  private final int id;
  private final int entries;
  private final int vector;
  private final int priority;
  private final @Nullable InterruptVector interrupt;
  private final CommandSlots slots;
  private final DmaBuffer sqBuffer;
  private final DmaBuffer cqBuffer;
  private final PrpLists prpLists;
  private final VectorPointers vectors;
  private final MemorySegment sq;
  private final MemorySegment cq;
  private final Doorbell sqTailDoorbell;
  private final Doorbell cqHeadDoorbell;

  private int sqTail;
  private int rungTail;
  private int cqHead;
  private int phase = 1;

  private RingQueuePair(
      int id,
      int entries,
      int vector,
      int priority,
      @Nullable InterruptVector interrupt,
      Doorbell sqTail,
      Doorbell cqHead,
      DmaBuffer sqBuffer,
      DmaBuffer cqBuffer,
      PrpLists prpLists) {
    this.id = id;
    this.entries = entries;
    this.vector = vector;
    this.priority = priority;
    this.interrupt = interrupt;
    this.slots = new CommandSlots(entries - 1);
    this.sqTailDoorbell = sqTail;
    this.cqHeadDoorbell = cqHead;
    this.sqBuffer = sqBuffer;
    this.cqBuffer = cqBuffer;
    this.prpLists = prpLists;
    this.vectors = new VectorPointers(prpLists);
    this.sq = sqBuffer.segment();
    this.cq = cqBuffer.segment();
  }

  /**
   * Allocates the memory of a queue pair.
   *
   * @param entries of each ring, 2 to 65536
   * @param vector interrupt vector, or −1 for none
   * @param priority QPRIO, 0 urgent to 3 low
   */
  static RingQueuePair allocate(
      int id,
      int entries,
      int vector,
      int priority,
      PciFunction function,
      Doorbell sqTail,
      Doorbell cqHead)
      throws IOException {
    DmaMapper dma = function.dma();
    DmaBuffer sqBuffer = DmaBuffer.allocate(dma, (long) entries * Sqe.BYTES);
    DmaBuffer cqBuffer = null;
    PrpLists prpLists = null;
    InterruptVector interrupt = null;
    boolean allocated = false;
    try {
      cqBuffer = DmaBuffer.allocate(dma, (long) entries * Cqe.BYTES);
      prpLists = new PrpLists(dma, entries - 1);
      interrupt = vector < 0 ? null : function.vector(vector);
      allocated = true;
      return new RingQueuePair(
          id, entries, vector, priority, interrupt, sqTail, cqHead, sqBuffer, cqBuffer, prpLists);
    } finally {
      if (!allocated) {
        sqBuffer.close();
        if (cqBuffer != null) {
          cqBuffer.close();
        }
        if (prpLists != null) {
          prpLists.close();
        }
      }
    }
  }

  @Override
  public int id() {
    return id;
  }

  @Override
  public int capacity() {
    return slots.capacity();
  }

  @Override
  public int inFlight() {
    return slots.inFlight();
  }

  @Override
  public MemorySegment entries() {
    return sq;
  }

  @Override
  public long claim() {
    return slots.isFull() ? FULL : (long) sqTail * Sqe.BYTES;
  }

  @Override
  public void post(
      @Nullable DmaBuffer data, long offset, long lengthBytes, CompletionListener listener) {
    long at = (long) sqTail * Sqe.BYTES;
    CommandSlots.Slot slot = slots.take(listener);
    Sqe.setCommandId(sq, at, slot.commandId);
    if (data != null) {
      prpLists.describe(sq, at, slot.number, data, offset, lengthBytes);
    }
    advance();
  }

  private void advance() {
    int next = sqTail + 1;
    sqTail = next == entries ? 0 : next;
  }

  @Override
  public long fit(DmaVector data, long offset, long mostBytes, int blockBytes, int sglAlignment) {
    return VectorPointers.fit(data, offset, mostBytes, blockBytes, sglAlignment);
  }

  @Override
  public void postVector(
      DmaVector data, long offset, long lengthBytes, CompletionListener listener) {
    long at = (long) sqTail * Sqe.BYTES;
    CommandSlots.Slot slot = slots.take(listener);
    Sqe.setCommandId(sq, at, slot.commandId);
    vectors.describe(sq, at, slot.number, data, offset, lengthBytes);
    advance();
  }

  @Override
  public void ring() {
    if (rungTail != sqTail) {
      rungTail = sqTail;
      sqTailDoorbell.ring(sqTail);
    }
  }

  @Override
  public int reap(int max) {
    int taken = 0;
    while (taken < max) {
      int head = cqHead;
      long at = (long) head * Cqe.BYTES;
      int dw3 = Cqe.dw3(cq, at);
      if (Cqe.phase(dw3) != phase) {
        break;
      }
      // I/O commands have none.
      int result = id == 0 ? Cqe.result(cq, at) : 0;
      if (head + 1 == entries) {
        cqHead = 0;
        phase ^= 1;
      } else {
        cqHead = head + 1;
      }
      taken++;
      CompletionListener listener = slots.release(Cqe.commandId(dw3));
      if (listener != null) {
        listener.onCompletion(Cqe.status(dw3), result);
      }
    }
    if (taken > 0) {
      cqHeadDoorbell.ring(cqHead);
    }
    return taken;
  }

  @Override
  public boolean hasCompletion() {
    return Cqe.phase(Cqe.dw3(cq, (long) cqHead * Cqe.BYTES)) == phase;
  }

  @Override
  public int expiredCommand(long nowNs, long timeoutNs) {
    return slots.expiredCommand(nowNs, timeoutNs);
  }

  @Override
  public boolean markExpired(int commandId) {
    return slots.markExpired(commandId);
  }

  @Override
  public void failAll(int status) {
    for (int left = slots.inFlight(); left > 0; left--) {
      CompletionListener listener = slots.release(slots.anyCommand());
      if (listener != null) {
        listener.onCompletion(status, 0);
      }
    }
  }

  @Override
  public boolean hasInterrupt() {
    return interrupt != null;
  }

  @Override
  public boolean awaitInterrupt(long timeoutNs) throws InterruptedException {
    if (interrupt == null) {
      throw new IllegalStateException("the queue has no interrupt vector: qid=" + id);
    }
    return interrupt.await(timeoutNs);
  }

  @Override
  public void wake() {
    if (interrupt != null) {
      interrupt.wake();
    }
  }

  /** Sets both rings to their state after creation; the controller does not use them. */
  void clear() {
    cq.fill((byte) 0);
    sqTailDoorbell.reset();
    cqHeadDoorbell.reset();
    sqTail = 0;
    rungTail = 0;
    cqHead = 0;
    phase = 1;
  }

  DmaBuffer sqBuffer() {
    return sqBuffer;
  }

  DmaBuffer cqBuffer() {
    return cqBuffer;
  }

  @Override
  public void create(AdminCommands admin) throws IOException {
    clear();
    // With PC set, PRP1 is the address of the whole ring: one entry's length gives no PRP2.
    admin.execute(
        "Create I/O Completion Queue " + id,
        (ring, at) -> Sqe.createIoCq(ring, at, id, entries, vector),
        cqBuffer,
        Cqe.BYTES);
    try {
      admin.execute(
          "Create I/O Submission Queue " + id,
          (ring, at) -> Sqe.createIoSq(ring, at, id, entries, id, priority),
          sqBuffer,
          Sqe.BYTES);
    } catch (IOException e) {
      deleteCompletionQueue(admin, e);
      throw e;
    }
  }

  private void deleteCompletionQueue(AdminCommands admin, IOException cause) {
    try {
      admin.execute(
          "Delete I/O Completion Queue " + id, (ring, at) -> Sqe.deleteIoCq(ring, at, id), null, 0);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  @Override
  public void delete(AdminCommands admin) throws IOException {
    // The submission queue first: a completion queue that is in use cannot be deleted.
    admin.execute(
        "Delete I/O Submission Queue " + id, (ring, at) -> Sqe.deleteIoSq(ring, at, id), null, 0);
    admin.execute(
        "Delete I/O Completion Queue " + id, (ring, at) -> Sqe.deleteIoCq(ring, at, id), null, 0);
  }

  @Override
  public void close() {
    if (interrupt != null) {
      interrupt.close();
    }
    sqBuffer.close();
    cqBuffer.close();
    prpLists.close();
  }
}
