package io.nvmedirect.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A host that speaks to the controller by hand: registers, rings and commands are byte offsets of NVMe
 * 1.4, written here once more, so that the tests do not repeat a mistake of the encoders.
 */
final class RawHost implements AutoCloseable {

  static final int CAP = 0x0;
  static final int VS = 0x8;
  static final int INTMS = 0xC;
  static final int INTMC = 0x10;
  static final int CC = 0x14;
  static final int CSTS = 0x1C;
  static final int NSSR = 0x20;
  static final int AQA = 0x24;
  static final int ASQ = 0x28;
  static final int ACQ = 0x30;

  /** IOCQES 4, IOSQES 6, EN. */
  static final int ENABLE = 0x0046_0001;

  /** The same with AMS 001b: weighted round robin with urgent priority class. */
  static final int ENABLE_WEIGHTED = 0x0046_0801;

  static final int ALL = 0xFFFF_FFFF;

  private static final long LIMIT_NS = 60_000_000_000L;

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle ACQUIRE =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  final Emulator device;
  final Arena arena = Arena.ofShared();
  private final List<Queue> queues = new ArrayList<>();

  RawHost(Emulator device) {
    this.device = device;
  }

  /** Opens a controller and leaves it disabled. */
  static RawHost open(String address) throws IOException {
    return new RawHost(Emulator.open(EmulatorOptions.parse(address)));
  }

  /** Opens a controller, enables it, and makes I/O queue pair 1 of 64 entries with vector 1. */
  static RawHost start(String address) throws IOException {
    RawHost host = open(address);
    host.enable(32);
    host.createQueue(1, 64, 1);
    return host;
  }

  /** Native memory that the device can reach. */
  record Buffer(MemorySegment memory, long iova) {

    int u8(long offset) {
      return memory.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
    }

    int u16(long offset) {
      return memory.get(U16, offset) & 0xFFFF;
    }

    int u32(long offset) {
      return memory.get(U32, offset);
    }

    long u64(long offset) {
      return memory.get(U64, offset);
    }

    void u32(long offset, int value) {
      memory.set(U32, offset, value);
    }

    void u64(long offset, long value) {
      memory.set(U64, offset, value);
    }

    Buffer fill(int value) {
      memory.fill((byte) value);
      return this;
    }

    /** Bytes that differ from block to block and from seed to seed. */
    Buffer pattern(int seed) {
      for (long i = 0; i < memory.byteSize(); i++) {
        memory.set(ValueLayout.JAVA_BYTE, i, (byte) (seed * 31L + i * 7 + (i >> 9) * 13));
      }
      return this;
    }

    boolean has(int value) {
      for (long i = 0; i < memory.byteSize(); i++) {
        if (u8(i) != (value & 0xFF)) {
          return false;
        }
      }
      return true;
    }

    byte[] bytes() {
      return memory.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  Buffer buffer(long bytes) throws IOException {
    MemorySegment memory = arena.allocate(bytes, 4096);
    return new Buffer(memory, device.dma().map(memory));
  }

  /** The 64 bytes of a command; figure 104. */
  static final class Command {
    final byte[] bytes = new byte[64];
    private final MemorySegment memory = MemorySegment.ofArray(bytes);

    Command(int opcode) {
      bytes[0] = (byte) opcode;
    }

    Command flags(int flags) {
      bytes[1] = (byte) flags;
      return this;
    }

    Command cid(int cid) {
      memory.set(U16, 2, (short) cid);
      return this;
    }

    Command nsid(int nsid) {
      memory.set(U32, 4, nsid);
      return this;
    }

    Command prp(long prp1, long prp2) {
      memory.set(U64, 24, prp1);
      memory.set(U64, 32, prp2);
      return this;
    }

    Command data(Buffer buffer) {
      return prp(buffer.iova, buffer.iova + 4096);
    }

    /** CDW10 to CDW15. */
    Command cdw(int number, int value) {
      memory.set(U32, number * 4L, value);
      return this;
    }

    /** SLBA and NLB. */
    Command blocks(long slba, int blocks) {
      memory.set(U64, 40, slba);
      return cdw(12, blocks - 1);
    }
  }

  static Command command(int opcode) {
    return new Command(opcode);
  }

  static Command read(int nsid, long slba, int blocks, Buffer data) {
    return command(0x02).nsid(nsid).blocks(slba, blocks).data(data);
  }

  static Command write(int nsid, long slba, int blocks, Buffer data) {
    return command(0x01).nsid(nsid).blocks(slba, blocks).data(data);
  }

  /** A completion; figures 122 to 125. */
  record Completion(int dw0, int sqHead, int sqId, int cid, int statusField) {

    /** SCT and SC. */
    int status() {
      return statusField & 0x7FF;
    }

    boolean doNotRetry() {
      return (statusField & 0x4000) != 0;
    }
  }

  /** A queue pair. */
  final class Queue {
    final int id;
    final int entries;
    final Buffer sq;
    final Buffer cq;
    int tail;
    int head;
    int phase = 1;
    private int nextCid;

    Queue(int id, int entries) throws IOException {
      this.id = id;
      this.entries = entries;
      this.sq = buffer(entries * 64L);
      this.cq = buffer(entries * 16L);
      queues.add(this);
    }

    /** Puts a command into the ring. */
    int post(Command command) {
      int cid = nextCid++ & 0xFFFF;
      return post(command, cid);
    }

    int post(Command command, int cid) {
      command.cid(cid);
      MemorySegment.copy(command.bytes, 0, sq.memory, ValueLayout.JAVA_BYTE, tail * 64L, 64);
      tail = (tail + 1) % entries;
      return cid;
    }

    void ring() {
      device.write32(0x1000 + 8 * id, tail);
    }

    int submit(Command command) {
      int cid = post(command);
      ring();
      return cid;
    }

    boolean hasCompletion() {
      int dw3 = (int) ACQUIRE.getAcquire(cq.memory, head * 16L + 12);
      return (dw3 >>> 16 & 1) == phase;
    }

    /** Waits for a completion and takes it, without ringing. */
    Completion take() {
      await("a completion in queue " + id, this::hasCompletion);
      long at = head * 16L;
      int dw2 = cq.u32(at + 8);
      int dw3 = cq.u32(at + 12);
      if (++head == entries) {
        head = 0;
        phase ^= 1;
      }
      return new Completion(cq.u32(at), dw2 & 0xFFFF, dw2 >>> 16, dw3 & 0xFFFF, dw3 >>> 17);
    }

    void ringHead() {
      device.write32(0x1004 + 8 * id, head);
    }

    Completion run(Command command) {
      int cid = submit(command);
      Completion completion = take();
      ringHead();
      assertThat(completion.cid()).isEqualTo(cid);
      assertThat(completion.sqId()).isEqualTo(id);
      return completion;
    }

    /** Executes a command that must succeed. */
    int ok(Command command) {
      Completion completion = run(command);
      assertThat(completion.statusField()).as("status of opcode %02x", command.bytes[0]).isZero();
      return completion.dw0();
    }

    /** SCT and SC of a command. */
    int status(Command command) {
      return run(command).status();
    }

    /** Executes a command that must fail, with DNR. */
    int refused(Command command) {
      Completion completion = run(command);
      assertThat(completion.doNotRetry()).as("DNR of %x", completion.status()).isTrue();
      return completion.status();
    }
  }

  Queue queue(int id) {
    for (int i = queues.size() - 1; i >= 0; i--) {
      if (queues.get(i).id == id) {
        return queues.get(i);
      }
    }
    throw new AssertionError("no queue " + id);
  }

  Queue admin() {
    return queue(0);
  }

  Queue io() {
    return queue(1);
  }

  /** Sets up the admin queues and waits for CSTS.RDY. */
  void enable(int entries) throws IOException {
    enable(entries, ENABLE);
  }

  void enable(int entries, int cc) throws IOException {
    Queue admin = new Queue(0, entries);
    device.write32(AQA, ((entries - 1) << 16) | (entries - 1));
    device.write64(ASQ, admin.sq.iova);
    device.write64(ACQ, admin.cq.iova);
    device.write32(CC, cc);
    awaitStatus(1);
  }

  /**
   * Writes CC and waits until the device has acted on it, whatever comes of it: to write EN again
   * before that is undefined (section 3.1.5), and a test that goes on would see one of both.
   */
  void configure(int cc) {
    device.write32(CC, cc);
    await("the device to act on CC=%x".formatted(cc), device::hasActed);
  }

  void disable() {
    device.write32(CC, ENABLE & ~1);
    awaitStatus(0);
  }

  void awaitStatus(int csts) {
    await("CSTS=%x".formatted(csts), () -> device.read32(CSTS) == csts);
  }

  Command createCq(Queue queue, int vector) {
    return command(0x05)
        .prp(queue.cq.iova, 0)
        .cdw(10, ((queue.entries - 1) << 16) | queue.id)
        .cdw(11, vector << 16 | 3);
  }

  Command createSq(Queue queue) {
    return createSq(queue, 0);
  }

  Command createSq(Queue queue, int priority) {
    return command(0x01)
        .prp(queue.sq.iova, 0)
        .cdw(10, ((queue.entries - 1) << 16) | queue.id)
        .cdw(11, queue.id << 16 | priority << 1 | 1);
  }

  Queue createQueue(int id, int entries, int vector) throws IOException {
    Queue queue = new Queue(id, entries);
    admin().ok(createCq(queue, vector));
    admin().ok(createSq(queue));
    return queue;
  }

  Buffer identify(int cns, int nsid) throws IOException {
    Buffer page = buffer(4096).fill(0xEE);
    admin().ok(command(0x06).nsid(nsid).cdw(10, cns).data(page));
    return page;
  }

  /** Get Log Page of so many bytes, with RAE or without it. */
  Buffer log(int id, int bytes, boolean retain) throws IOException {
    Buffer page = buffer(4096).fill(0xEE);
    int rae = retain ? 1 << 15 : 0;
    admin().ok(command(0x02).nsid(ALL).cdw(10, ((bytes / 4 - 1) << 16) | rae | id).data(page));
    return page;
  }

  /** Writes a block size of bytes and reads them again through the first I/O queue. */
  void checkWorks() throws IOException {
    Buffer out = buffer(4096).pattern(99);
    Buffer in = buffer(4096);
    io().ok(write(1, 0, 1, out));
    io().ok(read(1, 0, 1, in));
    assertThat(in.memory.asSlice(0, 512).mismatch(out.memory.asSlice(0, 512))).isEqualTo(-1);
  }

  @SuppressWarnings("ThreadPriorityCheck") // the device's thread may need the core
  static void await(String what, BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - start > LIMIT_NS) {
        throw new AssertionError("waited in vain for " + what);
      }
      Thread.yield();
    }
  }

  @Override
  public void close() {
    device.close();
    arena.close();
  }
}
