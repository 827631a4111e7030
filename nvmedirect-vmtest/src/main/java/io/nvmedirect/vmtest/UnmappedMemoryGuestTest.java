package io.nvmedirect.vmtest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.Controller;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.pcie.VfioAddress;
import io.nvmedirect.pcie.VfioFunction;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The IOMMU protects: a device that is given an address which is not mapped reaches no memory. */
@Timeout(120)
final class UnmappedMemoryGuestTest {

  private static final byte CANARY = 0x5a;
  private static final int PAGE_BYTES = 4096;
  private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(60);

  private Controller controller;
  private IoQueue queue;
  private Namespace namespace;

  @BeforeEach
  void open() throws IOException {
    VfioFunction function = VfioFunction.open(VfioAddress.parse(GuestDevice.PLAIN.address()));
    controller = Controller.open(new RingTransport(function), "pci:", TIMEOUT_NS);
    queue = controller.openQueue(16, false);
    namespace = controller.namespace(1);
  }

  @AfterEach
  void close() throws IOException {
    controller.closeQueue(queue);
    controller.close();
  }

  @Test
  void addressThatNobodyMapped_isAnErrorAndHarmsNothing() throws Exception {
    // Pages around the one that the command names.
    try (DmaBuffer memory = canary(16)) {
      long beyond = memory.iova(memory.byteSize()) + (1L << 30);
      assertThat(transfer(Opcode.READ, memory, beyond)).isNotZero();
      assertThat(transfer(Opcode.WRITE, memory, beyond)).isNotZero();
      assertUnharmed(memory);
      assertThat(transfer(Opcode.READ, memory, memory.iova(0))).as("the device works").isZero();
    }
  }

  /** The page behind a buffer is not mapped: a transfer that runs past the end stops there. */
  @Test
  void transferPastTheEndOfABuffer_isAnError() throws Exception {
    try (DmaBuffer memory = canary(1);
        DmaBuffer neighbour = canary(1)) {
      assertThat(transfer(Opcode.READ, memory, memory.iova(PAGE_BYTES / 2))).isNotZero();
      assertUnharmed(neighbour);
    }
  }

  @Test
  void addressThatWasUnmapped_isAnErrorAndTheMemoryIsNotTouched() throws Exception {
    DmaBuffer gone = canary(16);
    long iova = gone.iova(0);
    try (DmaBuffer other = canary(16)) {
      assertThat(transfer(Opcode.READ, other, iova)).as("while it is mapped").isZero();
      gone.close();
      assertThat(transfer(Opcode.READ, other, iova)).isNotZero();
      assertUnharmed(other);
    }
  }

  private DmaBuffer canary(int pages) throws IOException {
    DmaBuffer memory = DmaBuffer.allocate(controller.dma(), (long) pages * PAGE_BYTES);
    memory.segment().fill(CANARY);
    return memory;
  }

  private static void assertUnharmed(DmaBuffer memory) {
    assertThat(memory.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(CANARY);
  }

  /** One page of data from or to an I/O virtual address, whatever is there; the status. */
  private int transfer(int opcode, DmaBuffer memory, long iova) throws Exception {
    int[] status = {0};
    BlockRequest request =
        new BlockRequest(
            new BlockRequest.Listener() {
              @Override
              public boolean ended(int ended) {
                status[0] = ended;
                return false;
              }

              @Override
              public void finished() {}
            });
    DmaBuffer lie = DmaBuffer.map(new At(iova), memory.segment());
    request.transfer(opcode, namespace, 0, 0, PAGE_BYTES >> namespace.blockShift(), lie, 0);
    assertThat(queue.submit(request)).isTrue();
    queue.ring();
    long start = System.nanoTime();
    while (queue.takeAll() == null) {
      queue.reap();
      queue.checkDeadlines(System.nanoTime());
      assertThat(System.nanoTime() - start).isLessThan(TIMEOUT_NS);
    }
    assertThat(status[0]).as("ended by the device").isNotEqualTo(Status.ABORTED_BY_HOST);
    return status[0];
  }

  /** Says that memory is where it is not. */
  private record At(long iova) implements DmaMapper {

    @Override
    public long map(MemorySegment memory) {
      return iova;
    }

    @Override
    public void unmap(long address) {}
  }
}
