package io.nvmedirect.benchmarks;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.address.Addresses;
import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.queue.PciFunction;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.Cqe;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.Sqe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * A controller that costs next to nothing, for the cost of the driver alone. Everything but I/O is the
 * embedded controller's. The doorbell of I/O queue 1 completes each new command at once with success: it
 * reads nothing of it but its identifier, and writes an entry of the completion queue. One thread uses it.
 */
public final class StubController implements PciFunction, DmaMapper {

  private static final int QUEUE = 1;

  static {
    Addresses.register(
        "stub",
        (address, readOnly) ->
            new Addresses.Target(new RingTransport(new StubController()), 0, Clock.SYSTEM));
  }

  private final Emulator emulator;
  private final Map<Long, MemorySegment> mapped = new HashMap<>();
  private final int stride;
  private long adminQueue;
  private int adminEntries;
  private int adminTail;
  private Queue queue = new Queue(MemorySegment.NULL, 1, MemorySegment.NULL);

  /** A device of 64 MiB. */
  public StubController() throws NvmeException {
    emulator = Emulator.open(EmulatorOptions.parse("mem:64MiB?model=null"));
    stride = Register.doorbellStrideBytes(emulator.read64(Register.CAP));
  }

  /** A device on a controller of its own. */
  static NvmeDevice openDevice() throws IOException {
    return NvmeDevice.open("stub:");
  }

  /** Both rings, and how far the controller is in them. */
  private static final class Queue {
    private final MemorySegment submissions;
    private final int entries;
    private final MemorySegment completions;
    private int head;
    private int completed;
    private int phase = 1;

    Queue(MemorySegment submissions, int entries, MemorySegment completions) {
      this.submissions = submissions;
      this.entries = entries;
      this.completions = completions;
    }

    void rung(int tail) {
      while (head != tail) {
        int cid = Sqe.commandId(submissions, (long) head * Sqe.BYTES);
        head = head + 1 == entries ? 0 : head + 1;
        Cqe.publish(completions, (long) completed * Cqe.BYTES, 0, head, QUEUE, cid, 0, phase);
        if (++completed == entries) {
          completed = 0;
          phase ^= 1;
        }
      }
    }
  }

  // ---- Doorbells.

  @Override
  public Doorbell doorbell(int offset) {
    if (offset == Register.sqTailDoorbell(0, stride)) {
      Doorbell register = emulator.doorbell(offset);
      return tail -> {
        lookAt(tail);
        register.ring(tail);
      };
    }
    if (offset == Register.sqTailDoorbell(QUEUE, stride)) {
      return tail -> queue.rung(tail);
    }
    if (offset == Register.cqHeadDoorbell(QUEUE, stride)) {
      return head -> {};
    }
    return emulator.doorbell(offset);
  }

  /** Learns where the rings of the I/O queue are. */
  private void lookAt(int tail) {
    MemorySegment commands = memory(adminQueue);
    for (; adminTail != tail; adminTail = (adminTail + 1) % adminEntries) {
      long at = (long) adminTail * Sqe.BYTES;
      int entries = (Sqe.cdw10(commands, at) >>> 16) + 1;
      switch (Sqe.opcode(commands, at)) {
        case Opcode.CREATE_IO_CQ ->
            queue = new Queue(MemorySegment.NULL, entries, memory(Sqe.prp1(commands, at)));
        case Opcode.CREATE_IO_SQ ->
            queue = new Queue(memory(Sqe.prp1(commands, at)), entries, queue.completions);
        default -> {}
      }
    }
  }

  private MemorySegment memory(long iova) {
    return Objects.requireNonNull(mapped.get(iova));
  }

  // ---- Memory.

  @Override
  public DmaMapper dma() {
    return this;
  }

  @Override
  public MemorySegment allocate(long lengthBytes, Arena arena) throws IOException {
    return emulator.dma().allocate(lengthBytes, arena);
  }

  @Override
  public long map(MemorySegment memory) throws IOException {
    long iova = emulator.dma().map(memory);
    mapped.put(iova, memory);
    return iova;
  }

  @Override
  public void unmap(long iova) {
    mapped.remove(iova);
    emulator.dma().unmap(iova);
  }

  // ---- The embedded controller's.

  @Override
  public int read32(int offset) {
    return emulator.read32(offset);
  }

  @Override
  public long read64(int offset) {
    return emulator.read64(offset);
  }

  @Override
  public void write32(int offset, int value) {
    if (offset == Register.AQA) {
      adminEntries = (value & 0xFFF) + 1;
    }
    emulator.write32(offset, value);
  }

  @Override
  public void write64(int offset, long value) {
    if (offset == Register.ASQ) {
      adminQueue = value;
      adminTail = 0;
    }
    emulator.write64(offset, value);
  }

  @Override
  public int vectors() {
    return emulator.vectors();
  }

  @Override
  public InterruptVector vector(int index) {
    return emulator.vector(index);
  }

  @Override
  public boolean reset() {
    return false;
  }

  @Override
  public void close() {
    emulator.close();
  }
}
