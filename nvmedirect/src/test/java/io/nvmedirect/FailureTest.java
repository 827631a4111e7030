package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.concurrent.VirtualClock;
import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A controller that loses commands, stops, fails or goes away: each operation ends once, with an
 * error, and the device works again where the controller does.
 */
@ParameterizedClass
@ValueSource(strings = {"mem:4MiB", "mem:4MiB?mode=thread", "mem:4MiB?shadow=on&mode=thread"})
@Timeout(300)
class FailureTest {

  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private final Clock clock = new VirtualClock();
  private final Emulator emulator;
  private final NvmeDevice device;

  /** What to do with the next commands of these opcodes on I/O queues; then nothing again. */
  private volatile int fault = FaultInjector.NONE;

  private final AtomicInteger faultsLeft = new AtomicInteger();

  FailureTest(String address) throws IOException {
    emulator = Emulator.open(EmulatorOptions.parse(address), clock);
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(TIMEOUT);
    device = NvmeDevice.open(address, new RingTransport(emulator), options, clock);
    emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
      boolean hit = sqid != 0 && faultsLeft.get() > 0 && faultsLeft.getAndDecrement() > 0;
      return hit ? fault : FaultInjector.NONE;
    });
  }

  @AfterEach
  void close() throws IOException {
    try {
      device.close();
    } catch (NvmeException e) {
      // A controller that is gone does not shut down.
      assertThat(e).hasMessageContaining("mem:");
    }
  }

  private void injectNext(int count, int what) {
    fault = what;
    faultsLeft.set(count);
  }

  private static MemorySegment memory() {
    return MemorySegment.ofArray(new byte[4096]);
  }

  private void assertWorks(NvmeHandle handle) throws IOException {
    byte[] data = TestData.random(1, 64 * 1024);
    handle.write(MemorySegment.ofArray(data), 0);
    MemorySegment read = MemorySegment.ofArray(new byte[data.length]);
    handle.read(read, 0);
    assertThat(TestData.bytes(read)).isEqualTo(data);
  }

  @Test
  void injectedStatus_reachesTheCaller() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      injectNext(1, Status.INTERNAL_ERROR | Status.DNR);
      assertThatThrownBy(() -> handle.read(memory(), 0))
          .isInstanceOfSatisfying(NvmeException.class, e -> assertThat(e.doNotRetry()).isTrue())
          .hasMessageContaining("Internal Error");
      assertWorks(handle);
    }
  }

  @Test
  void errorInTheMiddleOfASplitOperation_isReportedOnce() throws IOException {
    try (NvmeQueue queue = device.createQueue(2);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4 << 20)) {
      AtomicInteger calls = new AtomicInteger();
      AsyncIo io = new AsyncIo(done -> calls.incrementAndGet());
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          opcode == Opcode.READ && sqid != 0 && slba == 3072
              ? Status.UNRECOVERED_READ_ERROR
              : FaultInjector.NONE);
      assertThat(handle.read(io, buffer, 0, 4 << 20, 0)).isTrue();
      while (!io.isDone()) {
        queue.poll();
      }
      assertThat(Status.codes(io.status())).isEqualTo(Status.UNRECOVERED_READ_ERROR);
      emulator.inject(null);
      assertWorks(handle);
      assertThat(calls).hasValue(1);
    }
  }

  @Test
  void lostCommand_isAbortedAfterItsDeadline() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      injectNext(1, FaultInjector.DROP);
      assertThatThrownBy(() -> handle.read(memory(), 0))
          .isInstanceOfSatisfying(
              NvmeException.class,
              e ->
                  assertThat(Status.codes(e.status()))
                      .isIn(Status.ABORT_REQUESTED, Status.ABORTED_BY_HOST));
      assertWorks(handle);
    }
  }

  @Test
  void lostCommands_ofAFullQueue_allEnd() throws IOException {
    try (NvmeQueue queue = device.createQueue(16, QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      injectNext(16, FaultInjector.DROP);
      List<AsyncIo> ios = new ArrayList<>();
      AtomicInteger calls = new AtomicInteger();
      for (int i = 0; i < 16; i++) {
        ios.add(new AsyncIo(done -> calls.incrementAndGet()));
        assertThat(handle.read(ios.get(i), buffer, 0, 4096, 0)).isTrue();
      }
      while (handle.outstanding() > 0) {
        queue.poll();
        clock.parkNanos(this, 100_000);
      }
      assertThat(calls).hasValue(16);
      assertThat(ios).allMatch(io -> io.status() != 0);
      assertWorks(handle);
    }
  }

  @Test
  void fatalError_isResetAndWorksAgain() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      injectNext(1, FaultInjector.FATAL);
      assertThatThrownBy(() -> handle.write(memory(), 0))
          .isInstanceOfSatisfying(
              NvmeException.class,
              e -> assertThat(Status.codes(e.status())).isEqualTo(Status.ABORTED_BY_HOST));
      assertWorks(handle);
    }
  }

  @Test
  void fatalError_endsTheCommandsOfOtherQueuesToo() throws Exception {
    try (NvmeQueue first = device.createQueue();
        NvmeQueue second = device.createQueue();
        NvmeHandle onFirst = first.createHandle();
        NvmeHandle onSecond = second.createHandle()) {
      injectNext(1, FaultInjector.DROP);
      CompletableFuture<Void> lost = onSecond.readAsync(memory(), 0);
      while (faultsLeft.get() > 0) {
        Thread.onSpinWait();
      }
      injectNext(1, FaultInjector.FATAL);
      assertThatThrownBy(() -> onFirst.read(memory(), 0)).isInstanceOf(NvmeException.class);
      assertThatThrownBy(lost::join)
          .isInstanceOf(CompletionException.class)
          .hasCauseInstanceOf(NvmeException.class);
      assertWorks(onFirst);
      assertWorks(onSecond);
      onSecond.readAsync(memory(), 0).get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void operationsThatWaitForASlot_surviveAReset() throws Exception {
    try (NvmeQueue queue = device.createQueue(1);
        NvmeHandle handle = queue.createHandle()) {
      injectNext(1, FaultInjector.FATAL);
      List<CompletableFuture<Void>> futures = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        futures.add(handle.readAsync(memory(), i * 4096L));
      }
      int failed = 0;
      for (CompletableFuture<Void> future : futures) {
        failed += future.handle((v, thrown) -> thrown == null ? 0 : 1).get(60, TimeUnit.SECONDS);
      }
      assertThat(failed).isEqualTo(1);
      assertWorks(handle);
    }
  }

  @Test
  void hungController_isResetAsAFunctionAndWorksAgain() throws Exception {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      injectNext(1, FaultInjector.HANG);
      assertAllFail(handle);
      assertWorks(handle);
    }
  }

  @Test
  void hungController_withoutFunctionReset_endsEveryRequest() throws Exception {
    Emulator stubborn = Emulator.open(EmulatorOptions.parse(device.address()), clock);
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(TIMEOUT);
    NvmeDevice open = FaultyDevice.withoutFunctionReset(stubborn, options, clock);
    try (NvmeQueue queue = open.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      stubborn.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid != 0 ? FaultInjector.HANG : FaultInjector.NONE);
      assertAllFail(handle);
      assertThatThrownBy(() -> handle.read(memory(), 0))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("close the device and open it again");
      assertThatThrownBy(open::smart).isInstanceOf(NvmeException.class);
      assertThatThrownBy(open::createQueue).isInstanceOf(NvmeException.class);
    }
    open.close();
  }

  private static void assertAllFail(NvmeHandle handle) throws IOException {
    List<CompletableFuture<Void>> futures = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      futures.add(handle.readAsync(memory(), i * 4096L));
    }
    for (CompletableFuture<Void> future : futures) {
      assertThatThrownBy(() -> future.get(60, TimeUnit.SECONDS))
          .hasCauseInstanceOf(NvmeException.class);
    }
  }

  @Test
  void removedController_endsEveryRequest() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      injectNext(1, FaultInjector.REMOVE);
      assertThatThrownBy(() -> handle.read(buffer.segment(), 0)).isInstanceOf(NvmeException.class);
      assertThatThrownBy(() -> handle.write(buffer.segment(), 0))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("gone");
    }
  }

  @Test
  void queueOfAControllerThatIsGone_isRefused() {
    emulator.close();
    assertThatThrownBy(device::createQueue)
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("gone");
  }

  @Test
  void lostAdminCommand_isResetAndWorksAgain() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      AtomicInteger drops = new AtomicInteger(1);
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid == 0 && opcode == Opcode.GET_LOG_PAGE && drops.getAndDecrement() > 0
              ? FaultInjector.DROP
              : FaultInjector.NONE);
      assertThatThrownBy(device::smart)
          .isInstanceOfSatisfying(
              NvmeException.class,
              e -> assertThat(Status.codes(e.status())).isEqualTo(Status.ABORTED_BY_HOST));
      assertThat(device.smart().availableSparePercent()).isBetween(0, 100);
      assertWorks(handle);
    }
  }

  @Test
  void interruptWait_seesDeadlinesToo() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
        NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT)) {
      assertWorks(handle);
      injectNext(1, FaultInjector.DROP);
      assertThatThrownBy(() -> handle.read(memory(), 0)).isInstanceOf(NvmeException.class);
      assertWorks(handle);
    }
  }
}
