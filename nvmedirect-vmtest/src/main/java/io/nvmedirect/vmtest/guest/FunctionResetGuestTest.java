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
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.Status;
import io.nvmedirect.vmtest.GuestDevice;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The reset of a PCI function, which is the last resort for a controller that does not obey CC.EN. */
@Timeout(300)
final class FunctionResetGuestTest {

  private static final int MEDIUM = 2; // QPRIO
  private static final int LENGTH_BYTES = 64 << 10;
  private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(60);

  private static final String ADDRESS = GuestDevice.PLAIN.address();

  /** Queues, DMA and interrupts are as before. */
  @Test
  void controllerThatDoesNotObey_isResetAsAFunctionAndDoesIo() throws Exception {
    DisobedientFunction function =
        new DisobedientFunction(VfioFunction.open(VfioAddress.parse(ADDRESS)));
    try (Controller controller =
        Controller.open(
            new RingTransport(function), ADDRESS, TIMEOUT_NS, QueueWeights.DEFAULT, Clock.SYSTEM)) {
      Namespace namespace = controller.namespace(1);
      IoQueue queue = controller.openQueue(16, true, MEDIUM);
      try (DmaBuffer written = DmaBuffer.allocate(controller.dma(), LENGTH_BYTES);
          DmaBuffer read = DmaBuffer.allocate(controller.dma(), LENGTH_BYTES)) {
        written.segment().fill((byte) 0x5a);
        assertThat(transfer(queue, namespace, Opcode.WRITE, written)).isZero();
        function.disobey();
        List<Integer> ended = submit(queue, namespace, Opcode.READ, read);
        // A while later, as far as the queue knows: it looks after the controller.
        queue.checkDeadlines(System.nanoTime() + TIMEOUT_NS / 2);
        assertThat(ended).containsExactly(Status.ABORTED_BY_HOST);
        assertThat(queue.takeAll()).isNotNull();
        assertThat(function.resets()).as("it is offered, and was done").isEqualTo(1);
        assertThat(function.statusAfterReset() & Register.CSTS_READY).isZero();
        assertThat(controller.hasFailed()).isFalse();

        assertThat(transfer(queue, namespace, Opcode.READ, read)).isZero();
        assertThat(read.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly((byte) 0x5a);
        written.segment().fill((byte) 0x33);
        assertThat(transfer(queue, namespace, Opcode.WRITE, written)).isZero();
        assertThat(transfer(queue, namespace, Opcode.READ, read)).isZero();
        assertThat(read.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly((byte) 0x33);
      }
      controller.closeQueue(queue);
    }
    assertThat(function.resets()).isEqualTo(1);
  }

  /** Waits for the interrupt; the status. */
  private static int transfer(IoQueue queue, Namespace namespace, int opcode, DmaBuffer data)
      throws Exception {
    List<Integer> ended = submit(queue, namespace, opcode, data);
    while (ended.isEmpty()) {
      assertThat(queue.awaitInterrupt(TIMEOUT_NS)).as("interrupted in time").isTrue();
      queue.reap();
    }
    assertThat(queue.takeAll()).isNotNull();
    return ended.getFirst();
  }

  /** The statuses of the commands, which come as they end. */
  private static List<Integer> submit(
      IoQueue queue, Namespace namespace, int opcode, DmaBuffer data) throws IOException {
    List<Integer> ended = new ArrayList<>();
    BlockRequest request =
        new BlockRequest(
            new BlockRequest.Listener() {
              @Override
              public boolean ended(int status) {
                ended.add(status);
                return false;
              }

              @Override
              public void finished() {}
            });
    request.transfer(opcode, namespace, 0, 0, LENGTH_BYTES >> namespace.blockShift(), data, 0);
    assertThat(queue.submit(request)).isTrue();
    queue.ring();
    return ended;
  }
}
