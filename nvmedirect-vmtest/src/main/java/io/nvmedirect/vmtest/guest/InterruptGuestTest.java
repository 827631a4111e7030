package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.HandleOption;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vmtest.GuestDevice;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/** MSI-X: a thread that waits blocks in the kernel, and queues share vectors where there are few. */
@Timeout(600)
final class InterruptGuestTest {

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** Elapsed and CPU time of some I/O, in nanoseconds. */
  private record Cost(long elapsedNs, long cpuNs) {

    double cpuShare() {
      return (double) cpuNs / elapsedNs;
    }
  }

  /** The device takes a quarter of a second per command, so nearly all of the time is waiting. */
  @Test
  void waitingThread_usesNoCpu(TestReporter reporter) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(GuestDevice.SLOW.address());
        NvmeQueue interrupting = device.createQueue(QueueOption.INTERRUPT);
        NvmeQueue polling = device.createQueue();
        NvmeHandle blocks = interrupting.createHandle(HandleOption.INTERRUPT);
        NvmeHandle polls = polling.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      read(blocks, buffer, 2);
      Cost interrupt = read(blocks, buffer, 20);
      Cost poll = read(polls, buffer, 8);
      reporter.publishEntry(
          "CPU of a thread that waits for I/O of 250 ms",
          "interrupt: %.2f %% of a core, polling with back-off: %.2f %%"
              .formatted(100 * interrupt.cpuShare(), 100 * poll.cpuShare()));
      assertThat(interrupt.elapsedNs()).as("the device is slow").isGreaterThan(1_000_000_000);
      assertThat(interrupt.cpuShare()).isLessThan(0.05);
    }
  }

  private static Cost read(NvmeHandle handle, DmaBuffer buffer, int count) throws IOException {
    long start = System.nanoTime();
    long cpu = THREADS.getCurrentThreadCpuTime();
    for (int i = 0; i < count; i++) {
      handle.read(buffer.segment(), i * 4096L);
    }
    return new Cost(System.nanoTime() - start, THREADS.getCurrentThreadCpuTime() - cpu);
  }

  /** Four queues share the one vector that I/O queues have; none loses a wake-up. */
  @Test
  void queuesThatShareAVector_allComplete() throws Exception {
    int queues = 4;
    int rounds = 300;
    try (NvmeDevice device = NvmeDevice.open(GuestDevice.TWO_VECTORS.address())) {
      List<CompletableFuture<Void>> threads = new ArrayList<>();
      for (int i = 0; i < queues; i++) {
        int number = i;
        CompletableFuture<Void> done = new CompletableFuture<>();
        threads.add(done);
        Thread.ofPlatform()
            .daemon()
            .start(() -> {
              try {
                writeAndRead(device, number, rounds);
                done.complete(null);
              } catch (Throwable e) {
                done.completeExceptionally(e);
              }
            });
      }
      for (CompletableFuture<Void> thread : threads) {
        thread.get(200, TimeUnit.SECONDS);
      }
    }
  }

  private static void writeAndRead(NvmeDevice device, int number, int rounds) throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
        NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT);
        DmaBuffer buffer = device.allocate(4096)) {
      for (int round = 0; round < rounds; round++) {
        long position = (number * 64L + round % 64) * 4096;
        byte value = (byte) (number * 31 + round);
        buffer.segment().fill(value);
        handle.write(buffer.segment(), position);
        buffer.segment().fill((byte) 0);
        handle.read(buffer.segment(), position);
        assertThat(buffer.segment().get(ValueLayout.JAVA_BYTE, 4095)).isEqualTo(value);
      }
    }
  }
}
