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
import io.nvmedirect.vmtest.GuestDevice;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/** QEMU's controller offers Doorbell Buffer Config: a busy queue writes few doorbell registers. */
@Timeout(600)
final class ShadowDoorbellGuestTest {

  private static final int MEDIUM = 2; // QPRIO
  private static final int DEPTH = 32;
  private static final int COMMANDS = 20_000;
  private static final int BLOCK_BYTES = 512;
  private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(200);

  @Test
  void busyQueue_writesFewDoorbellRegisters(TestReporter reporter) throws Exception {
    String address = GuestDevice.PLAIN.address();
    TamperedFunction function = new TamperedFunction(VfioFunction.open(VfioAddress.parse(address)));
    try (Controller controller =
        Controller.open(
            new RingTransport(function),
            address,
            TimeUnit.SECONDS.toNanos(60),
            QueueWeights.DEFAULT,
            Clock.SYSTEM)) {
      assertThat(controller.identify().supportsDoorbellBufferConfig()).isTrue();
      Namespace namespace = controller.namespace(1);
      IoQueue queue = controller.openQueue(DEPTH, false, MEDIUM);
      try (DmaBuffer data = DmaBuffer.allocate(controller.dma(), BLOCK_BYTES)) {
        AtomicInteger ended = new AtomicInteger();
        BlockRequest[] requests = new BlockRequest[DEPTH];
        for (int i = 0; i < DEPTH; i++) {
          requests[i] = new BlockRequest(new Counting(ended));
        }
        long before = function.doorbellWrites();
        long rung = 0;
        long start = System.nanoTime();
        for (int sent = 0; sent < COMMANDS; sent += DEPTH) {
          for (BlockRequest request : requests) {
            request.transfer(Opcode.READ, namespace, 0, 0, 1, data, 0);
            assertThat(queue.submit(request)).isTrue();
            // One by one: each would be a write of the register.
            queue.ring();
            rung++;
          }
          while (ended.get() < sent + DEPTH) {
            queue.reap();
            queue.takeAll();
            assertThat(System.nanoTime() - start).isLessThan(LIMIT_NS);
          }
        }
        long writes = function.doorbellWrites() - before;
        reporter.publishEntry(
            "doorbell register writes of %,d commands".formatted(rung), "%,d".formatted(writes));
        assertThat(writes).isLessThan(rung);
      }
      controller.closeQueue(queue);
    }
  }

  private record Counting(AtomicInteger count) implements BlockRequest.Listener {

    @Override
    public boolean ended(int status) {
      assertThat(status).isZero();
      count.incrementAndGet();
      return false;
    }

    @Override
    public void finished() {}
  }
}
