package io.nvmedirect.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.spec.Register;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A remote controller and its host on one thread: nothing happens but by {@link #poll}. */
final class PolledController implements AutoCloseable {

  static final int ENTRIES = 4096;
  static final int ENABLE = 0x0046_0001;

  private static final long IOVA = 1 << 20;
  private static final int SQ_BYTES = ENTRIES * 64;
  private static final int CQ_BYTES = ENTRIES * 16;
  private static final int PAIR_BYTES = SQ_BYTES + CQ_BYTES;

  final RemoteController controller;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment memory;
  private final int[] tails;

  PolledController(Subsystem subsystem, int queues) throws IOException {
    controller = subsystem.connect(Subsystem.Limits.NONE);
    memory = arena.allocate((long) PAIR_BYTES * (queues + 1), 4096);
    tails = new int[queues + 1];
    assertThat(controller.map(IOVA, memory)).isTrue();
  }

  void write(int register, long value, int bytes) {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes == Long.BYTES) {
      buffer.putLong(0, value);
    } else {
      buffer.putInt(0, (int) value);
    }
    controller.writeBar(register, buffer);
  }

  void configure(int cc) {
    write(Register.CC, cc, 4);
  }

  int status() {
    ByteBuffer buffer = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    controller.readBar(Register.CSTS, buffer);
    return buffer.getInt(0);
  }

  private static long sq(int queue) {
    return (long) queue * PAIR_BYTES;
  }

  private static long cq(int queue) {
    return sq(queue) + SQ_BYTES;
  }

  /** Writes the registers; CSTS.RDY comes at once or later. */
  void enable() {
    memory.fill((byte) 0);
    for (int i = 0; i < tails.length; i++) {
      tails[i] = 0;
    }
    write(Register.AQA, (ENTRIES - 1) << 16 | ENTRIES - 1, 4);
    write(Register.ASQ, IOVA + sq(0), 8);
    write(Register.ACQ, IOVA + cq(0), 8);
    configure(ENABLE);
  }

  /** Makes all I/O queues; none of them has an interrupt. */
  void createQueues() {
    for (int queue = 1; queue < tails.length; queue++) {
      post(0, 0x05, 0, IOVA + cq(queue), (ENTRIES - 1) << 16 | queue, 1);
      post(0, 0x01, 0, IOVA + sq(queue), (ENTRIES - 1) << 16 | queue, queue << 16 | 1);
    }
    ring(0);
    pollUntilIdle();
    assertThat(completions(0)).isEqualTo(2 * (tails.length - 1));
  }

  void post(int queue, int opcode, int nsid, long prp1, int dw10, int dw11) {
    post(queue, opcode, nsid, prp1, 0, dw10, dw11);
  }

  void post(int queue, int opcode, int nsid, long prp1, long prp2, int dw10, int dw11) {
    int tail = tails[queue];
    long at = sq(queue) + tail * 64L;
    memory.set(ValueLayout.JAVA_INT, at, tail << 16 | opcode);
    memory.set(ValueLayout.JAVA_INT, at + 4, nsid);
    memory.set(ValueLayout.JAVA_LONG, at + 24, prp1);
    memory.set(ValueLayout.JAVA_LONG, at + 32, prp2);
    memory.set(ValueLayout.JAVA_INT, at + 40, dw10);
    memory.set(ValueLayout.JAVA_INT, at + 44, dw11);
    tails[queue] = tail + 1;
  }

  /** Posts a read of one block, whose data goes over completions that are not there yet. */
  void postRead(int queue) {
    post(queue, 0x02, 1, IOVA + cq(queue) + CQ_BYTES - 4096, 0, 0);
  }

  void ring(int queue) {
    write(Register.DOORBELLS + 8 * queue, tails[queue], 4);
  }

  /** Completions so far, in the first round of the queue. */
  int completions(int queue) {
    int count = 0;
    while ((memory.get(ValueLayout.JAVA_INT, cq(queue) + count * 16L + 12) >>> 16 & 1) == 1) {
      assertThat(memory.get(ValueLayout.JAVA_INT, cq(queue) + count * 16L + 12) >>> 17).isZero();
      count++;
    }
    return count;
  }

  /** SCT and SC of a completion that is there. */
  int status(int queue, int index) {
    int dw3 = memory.get(ValueLayout.JAVA_INT, cq(queue) + index * 16L + 12);
    assertThat(dw3 >>> 16 & 1).as("phase").isEqualTo(1);
    return dw3 >>> 17 & 0x7FF;
  }

  int poll() {
    return controller.poll();
  }

  void pollUntilIdle() {
    while (poll() > 0) {}
  }

  @Override
  public void close() {
    controller.close();
    arena.close();
  }
}
