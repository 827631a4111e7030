package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.QueueWeights;
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * How a controller shares itself among queues of the application's. It is held in the midst of an urgent
 * command until the other queues are full, so that the order in which it goes on is exact.
 */
@Tag("emulator")
@Timeout(300)
class QueuePriorityTest {

  private static final String WEIGHTED = "mem:4MiB?mode=thread&arbitration=wrr";
  private static final DeviceOptions OPTIONS =
      DeviceOptions.defaults().withCommandTimeout(Duration.ofSeconds(60));

  /** In each queue; three rounds of the default weights and more. */
  private static final int COMMANDS = 128;

  /** CC with AMS 001b and 000b. */
  private static final int CC_WEIGHTED = 0x0046_0801;

  private static final int CC_ROUND_ROBIN = 0x0046_0001;

  /** An urgent queue and one of each other priority, and who of them was served when. */
  private static final class Busy implements AutoCloseable {
    private final Emulator emulator;
    private final NvmeQueue urgent;
    private final NvmeHandle urgentHandle;
    private final List<NvmeQueue> queues = new ArrayList<>();
    private final List<NvmeHandle> handles = new ArrayList<>();
    private final DmaBuffer buffer;

    Busy(Emulator emulator, NvmeDevice device) throws IOException {
      this.emulator = emulator;
      buffer = device.allocate(4096);
      urgent = device.createQueue(4, QueuePriority.URGENT, QueueOption.CONFINED);
      urgentHandle = urgent.createHandle();
      for (QueuePriority priority :
          List.of(QueuePriority.LOW, QueuePriority.MEDIUM, QueuePriority.HIGH)) {
        NvmeQueue queue = device.createQueue(COMMANDS, priority, QueueOption.CONFINED);
        queues.add(queue);
        handles.add(queue.createHandle());
      }
    }

    /** For each run of commands of one queue its priority and length, such as {@code HIGH 32}. */
    List<String> runs() throws Exception {
      List<Integer> served = new ArrayList<>();
      CountDownLatch executing = new CountDownLatch(1);
      CountDownLatch goOn = new CountDownLatch(1);
      emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
        if (sqid == urgent.id()) {
          executing.countDown();
          await(goOn);
        } else if (sqid != 0) {
          served.add(sqid);
        }
        return FaultInjector.NONE;
      });
      AtomicInteger done = new AtomicInteger();
      post(urgentHandle, done);
      urgent.ring();
      await(executing);
      for (int i = 0; i < queues.size(); i++) {
        for (int n = 0; n < COMMANDS; n++) {
          post(handles.get(i), done);
        }
        queues.get(i).ring();
      }
      goOn.countDown();
      while (done.get() < 1 + queues.size() * COMMANDS) {
        urgent.poll();
        for (NvmeQueue queue : queues) {
          queue.poll();
        }
      }
      emulator.inject(null);
      assertThat(served).hasSize(queues.size() * COMMANDS);
      return runs(served);
    }

    private void post(NvmeHandle handle, AtomicInteger done) throws IOException {
      AsyncIo io =
          new AsyncIo(ended -> {
            assertThat(ended.status()).isEqualTo(Status.SUCCESS);
            done.incrementAndGet();
          });
      assertThat(handle.read(io, buffer, 0, 4096, 0)).isTrue();
    }

    private List<String> runs(List<Integer> served) {
      List<String> runs = new ArrayList<>();
      int start = 0;
      for (int i = 1; i <= served.size(); i++) {
        if (i == served.size() || !served.get(i).equals(served.get(start))) {
          int sqid = served.get(start);
          NvmeQueue queue = queues.stream().filter(q -> q.id() == sqid).findAny().orElseThrow();
          runs.add(queue.priority() + " " + (i - start));
          start = i;
        }
      }
      return runs;
    }

    private static void await(CountDownLatch latch) {
      try {
        assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void close() throws IOException {
      handles.forEach(NvmeHandle::close);
      urgentHandle.close();
      for (NvmeQueue queue : queues) {
        queue.close();
      }
      urgent.close();
      buffer.close();
    }
  }

  @Test
  void weightedController_isSharedByWeight() throws Exception {
    Emulator emulator = FaultyDevice.emulator(WEIGHTED);
    try (NvmeDevice device = FaultyDevice.open(WEIGHTED, emulator, OPTIONS);
        Busy busy = new Busy(emulator, device)) {
      assertThat(device.hasQueuePriorities()).isTrue();
      assertThat(emulator.read32(Register.CC)).isEqualTo(CC_WEIGHTED);
      assertThat(busy.runs())
          .startsWith("HIGH 32", "MEDIUM 16", "LOW 8", "HIGH 32", "MEDIUM 16", "LOW 8", "HIGH 32");
    }
  }

  @Test
  void weights_areThoseOfTheOptions() throws Exception {
    Emulator emulator = FaultyDevice.emulator(WEIGHTED);
    DeviceOptions options = OPTIONS.withQueueWeights(new QueueWeights(1, 40, 2));
    try (NvmeDevice device = FaultyDevice.open(WEIGHTED, emulator, options);
        Busy busy = new Busy(emulator, device)) {
      assertThat(busy.runs())
          .startsWith("HIGH 1", "MEDIUM 40", "LOW 2", "HIGH 1", "MEDIUM 40", "LOW 2");
    }
  }

  @Test
  void reset_keepsPrioritiesAndWeights() throws Exception {
    Emulator emulator = FaultyDevice.emulator(WEIGHTED);
    // The failure is found when the controller is looked at, several times within the timeout.
    DeviceOptions options =
        OPTIONS
            .withCommandTimeout(Duration.ofSeconds(10))
            .withQueueWeights(new QueueWeights(5, 3, 2));
    try (NvmeDevice device = FaultyDevice.open(WEIGHTED, emulator, options);
        Busy busy = new Busy(emulator, device)) {
      AtomicInteger failures = new AtomicInteger(1);
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid != 0 && failures.getAndDecrement() > 0 ? FaultInjector.FATAL : FaultInjector.NONE);
      AtomicInteger ended = new AtomicInteger();
      try (DmaBuffer buffer = device.allocate(4096)) {
        AsyncIo io = new AsyncIo(_ -> ended.incrementAndGet());
        assertThat(busy.urgentHandle.read(io, buffer, 0, 4096, 0)).isTrue();
        while (ended.get() == 0) {
          busy.urgent.poll();
        }
        assertThat(Status.codes(io.status())).isEqualTo(Status.ABORTED_BY_HOST);
      }
      assertThat(emulator.read32(Register.CC)).isEqualTo(CC_WEIGHTED);
      for (NvmeQueue queue : busy.queues) {
        queue.poll(); // finds the reset, and makes the queue anew
      }
      assertThat(busy.runs()).startsWith("HIGH 5", "MEDIUM 3", "LOW 2", "HIGH 5", "MEDIUM 3");
    }
  }

  @Test
  void otherController_ignoresPriorities() throws Exception {
    String address = "mem:4MiB?mode=thread";
    Emulator emulator = FaultyDevice.emulator(address);
    try (NvmeDevice device = FaultyDevice.open(address, emulator, OPTIONS);
        Busy busy = new Busy(emulator, device)) {
      assertThat(device.hasQueuePriorities()).isFalse();
      assertThat(emulator.read32(Register.CC)).isEqualTo(CC_ROUND_ROBIN);
      List<String> runs = busy.runs();
      assertThat(runs).hasSize(3 * COMMANDS / 8).allMatch(run -> run.endsWith(" 8"));
      assertThat(runs.subList(0, 3)).containsExactlyInAnyOrder("HIGH 8", "MEDIUM 8", "LOW 8");
    }
  }

  /** A controller without the feature that it must have is used all the same. */
  @Test
  void weightsThatAreRefused_doNotStopTheDevice() throws Exception {
    Emulator emulator = FaultyDevice.emulator(WEIGHTED);
    AtomicInteger refusals = new AtomicInteger(1);
    emulator.inject((sqid, opcode, nsid, slba, blocks) ->
        opcode == Opcode.SET_FEATURES && sqid == 0 && refusals.getAndDecrement() > 0
            ? Status.INVALID_FIELD
            : FaultInjector.NONE);
    try (NvmeDevice device = FaultyDevice.open(WEIGHTED, emulator, OPTIONS);
        Busy busy = new Busy(emulator, device)) {
      assertThat(busy.runs()).startsWith("HIGH 1", "MEDIUM 1", "LOW 1", "HIGH 1", "MEDIUM 1");
    }
  }
}
