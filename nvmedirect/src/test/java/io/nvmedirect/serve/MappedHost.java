package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A host with an admin queue in a file of its own, and the doorbells mapped. */
final class MappedHost implements AutoCloseable {

  static final long IOVA = 0x10_0000;
  static final long BYTES = 1 << 16;
  static final int ENTRIES = 32;

  /** Bytes of a comparison. */
  static final int DATA_BYTES = 8192;

  private static final int COMPLETIONS = 0x1000;
  private static final int DATA = 0x2000;
  private static final int IO_COMPLETIONS = 0x3000;
  private static final int IO_COMMANDS = 0x4000;
  private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

  final RawClient client;
  final MemorySegment doorbells;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment memory;

  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  MappedHost(Path socket, NativeFile file) throws IOException {
    memory = Mmap.shared(file, 0, BYTES, arena);
    client = RawClient.greet(socket);
    client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, IOVA, BYTES), file.fd());
    ByteBuffer request = RawClient.ints(64, 0, 0, 0, 0, 0, 0, 0);
    try (Message info = client.request(Message.DEVICE_GET_REGION_INFO, request);
        NativeFile bar = info.takeFile(0, "doorbells")) {
      doorbells = Mmap.shared(bar, 0x1000, 0x1000, arena);
    }
  }

  /** Bus master and memory space, MSI-X, AQA, ASQ, ACQ and CC (NVMe Base Specification 2.0, section 3.1.3), then CSTS.RDY. */
  void enable() throws Exception {
    client.enableFunction();
    client.writeInt(0, 0x24, ((ENTRIES - 1) << 16) | (ENTRIES - 1));
    client.writeLong(0, 0x28, IOVA);
    client.writeLong(0, 0x30, IOVA + COMPLETIONS);
    client.writeInt(0, 0x14, 0x460001);
    Served.await("the controller is ready", () -> (client.readInt(0, 0x1c) & 1) == 1);
  }

  /** Resets the controller, and enables it with queues that are empty. */
  void enableAgain() throws Exception {
    client.writeInt(0, 0x14, 0x460000);
    Served.await("the controller is disabled", () -> client.readInt(0, 0x1c) == 0);
    memory.fill((byte) 0);
    enable();
  }

  /** Posts Identify Controller; nobody is told. */
  void identify(int slot) {
    post(slot * 64L, (slot << 16) | 0x06, 0, DATA, 1, 0, 0);
  }

  /** Creates I/O queues 1 by the first two admin commands. */
  void createQueues() throws Exception {
    int attributes = ((ENTRIES - 1) << 16) | 1;
    post(0, 0x05, 0, IO_COMPLETIONS, attributes, 1, 0);
    post(64, (1 << 16) | 0x01, 0, IO_COMMANDS, attributes, (1 << 16) | 1, 0);
    ring(0, 2);
    for (int slot = 0; slot < 2; slot++) {
      awaitCompletion(slot);
      assertThat(status(slot)).isZero();
    }
  }

  /** Posts a write of the data to I/O queue 1: 8 blocks of namespace 1. */
  void write(int slot, long slba) {
    post(IO_COMMANDS + slot * 64L, (slot << 16) | 0x01, 1, DATA, (int) slba, 0, 7);
  }

  /** Posts a comparison to I/O queue 1: 16 blocks of namespace 1 with two pages at an address. */
  void compare(int slot, long address) {
    long at = IO_COMMANDS + slot * 64L;
    post(at, (slot << 16) | 0x05, 1, (int) (address - IOVA), 0, 0, 15);
    memory.set(ValueLayout.JAVA_LONG, at + 32, address + 4096);
  }

  private void post(long at, int dw0, int nsid, int data, int dw10, int dw11, int dw12) {
    memory.asSlice(at, 64).fill((byte) 0);
    memory.set(ValueLayout.JAVA_INT, at, dw0);
    memory.set(ValueLayout.JAVA_INT, at + 4, nsid);
    memory.set(ValueLayout.JAVA_LONG, at + 24, IOVA + data);
    memory.set(ValueLayout.JAVA_INT, at + 40, dw10);
    memory.set(ValueLayout.JAVA_INT, at + 44, dw11);
    memory.set(ValueLayout.JAVA_INT, at + 48, dw12);
  }

  /** Rings by a store, after the entry so that the device finds it. */
  void ring(int index, int value) {
    INT.setRelease(doorbells, index * 4L, value);
  }

  /** Of the first round, when the phase tag is 1. */
  void awaitCompletion(int slot) throws Exception {
    Served.await(
        "the command completes",
        () -> (((int) INT.getAcquire(memory, COMPLETIONS + slot * 16L + 12) >>> 16) & 1) == 1);
  }

  int status(int slot) {
    return memory.get(ValueLayout.JAVA_INT, COMPLETIONS + slot * 16L + 12) >>> 17;
  }

  void awaitIoCompletion(int slot) throws Exception {
    Served.await(
        "the I/O completes",
        () -> (((int) INT.getAcquire(memory, IO_COMPLETIONS + slot * 16L + 12) >>> 16) & 1) == 1);
  }

  int ioStatus(int slot) {
    return memory.get(ValueLayout.JAVA_INT, IO_COMPLETIONS + slot * 16L + 12) >>> 17;
  }

  MemorySegment data() {
    return memory.asSlice(DATA, 4096);
  }

  @Override
  public void close() {
    client.close();
    arena.close();
  }
}
