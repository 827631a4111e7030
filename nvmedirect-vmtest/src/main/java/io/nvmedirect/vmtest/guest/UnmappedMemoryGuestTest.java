package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.driver.BlockRequest;
import io.nvmedirect.driver.Controller;
import io.nvmedirect.driver.IoQueue;
import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.pcie.VfioAddress;
import io.nvmedirect.pcie.VfioFunction;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.QueueWeights;
import io.nvmedirect.spec.Status;
import io.nvmedirect.vmtest.GuestDevice;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The IOMMU protects: a device that is given an address which is not mapped reaches no memory, and the
 * kernel reports the attempt. QEMU's controller reports an error of its own where it reads a PRP list; data
 * that it cannot transfer it does not miss.
 */
@Timeout(600)
final class UnmappedMemoryGuestTest {

  private static final int MEDIUM = 2; // QPRIO
  private static final byte CANARY = 0x5a;
  private static final int PAGE_BYTES = 4096;
  private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(60);

  private TamperedFunction function;
  private Controller controller;
  private Namespace namespace;

  @BeforeEach
  void open() throws IOException {
    String address = GuestDevice.PLAIN.address();
    function = new TamperedFunction(VfioFunction.open(VfioAddress.parse(address)));
    controller =
        Controller.open(
            new RingTransport(function), address, TIMEOUT_NS, QueueWeights.DEFAULT, Clock.SYSTEM);
    namespace = controller.namespace(1);
  }

  @AfterEach
  void close() throws IOException {
    controller.close();
  }

  @Test
  void dataAtAnAddressThatIsNotMapped_reachesNoMemory() throws Exception {
    IoQueue queue = controller.openQueue(16, false, MEDIUM);
    DmaBuffer right = canary(16);
    function.mislead(1);
    DmaBuffer wrong = canary(16);
    long faults = faults(wrong.iova(0));
    transfer(queue, Opcode.READ, wrong, PAGE_BYTES);
    assertUnharmed(wrong);
    assertUnharmed(right);
    assertThat(faults(wrong.iova(0))).as("the kernel says so").isGreaterThan(faults);
    assertThat(transfer(queue, Opcode.READ, right, PAGE_BYTES)).as("the device works").isZero();
    right.close();
    wrong.close();
    controller.closeQueue(queue);
  }

  @Test
  void dataAtAnAddressThatWasUnmapped_reachesNoMemory() throws Exception {
    IoQueue queue = controller.openQueue(16, false, MEDIUM);
    DmaBuffer first = canary(1);
    long iova = first.iova(0);
    first.close();
    DmaBuffer second = canary(1);
    assertThat(second.iova(0)).as("an address is not used again at once").isNotEqualTo(iova);
    long faults = faults(iova);
    DmaBuffer stale = DmaBuffer.map(new FixedAddress(iova), second.segment());
    transfer(queue, Opcode.READ, stale, PAGE_BYTES);
    assertUnharmed(second);
    assertThat(faults(iova)).isGreaterThan(faults);
    second.close();
    controller.closeQueue(queue);
  }

  @Test
  void prpListAtAnAddressThatIsNotMapped_isAnErrorOfTheController() throws Exception {
    IoQueue queue = controller.openQueue(16, false, MEDIUM);
    DmaBuffer data = canary(16);
    // The first transfer that needs it maps the list of the buffer's pages.
    function.mislead(1);
    int status = transfer(queue, Opcode.READ, data, 16 * PAGE_BYTES);
    assertThat(status & ~Status.DNR).isEqualTo(Status.DATA_TRANSFER_ERROR);
    assertUnharmed(data);
    assertThat(transfer(queue, Opcode.READ, data, PAGE_BYTES)).as("no list is needed").isZero();
    data.close();
    controller.closeQueue(queue);
  }

  private DmaBuffer canary(int pages) throws IOException {
    DmaBuffer memory = DmaBuffer.allocate(controller.dma(), (long) pages * PAGE_BYTES);
    memory.segment().fill(CANARY);
    return memory;
  }

  private static void assertUnharmed(DmaBuffer memory) {
    assertThat(memory.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(CANARY);
  }

  /** How many faults the kernel has logged at an address: "DMAR: [DMA Write ...] ... fault addr 0x...". */
  private static long faults(long iova) throws Exception {
    String address = "fault addr 0x%x".formatted(iova);
    return Commands.run("dmesg").lines().filter(line -> line.contains(address)).count();
  }

  /** Reads or writes the blocks from 0 on; the status. */
  private int transfer(IoQueue queue, int opcode, DmaBuffer data, int lengthBytes)
      throws IOException {
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
    request.transfer(opcode, namespace, 0, 0, lengthBytes >> namespace.blockShift(), data, 0);
    assertThat(queue.submit(request)).isTrue();
    queue.ring();
    long start = System.nanoTime();
    while (queue.takeAll() == null) {
      queue.reap();
      queue.checkDeadlines(System.nanoTime());
      assertThat(System.nanoTime() - start).isLessThan(2 * TIMEOUT_NS);
    }
    assertThat(status[0]).as("ended by the device").isNotEqualTo(Status.ABORTED_BY_HOST);
    return status[0];
  }
}
