package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Handles that share a queue by class and weight. */
@Tag("emulator")
@ParameterizedClass
@ValueSource(strings = {"mem:8MiB", "mem:8MiB?mode=thread"})
@Timeout(300)
class SchedulingTest {

  private static final int BLOCK = 4096;
  private static final long SECOND = 4 << 20;

  private final Emulator emulator;
  private final NvmeDevice device;

  /** First blocks of the I/O commands, in the order in which the device executed them. */
  private final List<Long> order = Collections.synchronizedList(new ArrayList<>());

  private final AtomicInteger faultsLeft = new AtomicInteger();
  private volatile int fault = FaultInjector.NONE;

  SchedulingTest(String address) throws IOException {
    emulator = Emulator.open(EmulatorOptions.parse(address));
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(Duration.ofSeconds(2));
    device = NvmeDevice.open(address, new RingTransport(emulator), options);
    emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
      if (sqid == 0) {
        return FaultInjector.NONE;
      }
      order.add(slba);
      boolean hit = faultsLeft.get() > 0 && faultsLeft.getAndDecrement() > 0;
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

  /** Posts reads; returns the operations. */
  private static List<AsyncIo> post(NvmeHandle handle, DmaBuffer buffer, int count, long from)
      throws IOException {
    List<AsyncIo> ios = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      AsyncIo io = new AsyncIo();
      assertThat(handle.read(io, buffer, 0, BLOCK, from + (long) i * BLOCK)).isTrue();
      ios.add(io);
    }
    return ios;
  }

  private static void pollUntilDone(NvmeQueue queue, NvmeHandle... handles) {
    for (NvmeHandle handle : handles) {
      while (handle.outstanding() > 0) {
        queue.poll();
      }
    }
  }

  private long countBelow(long position, int until) {
    return order.subList(0, until).stream().filter(slba -> slba * 512 < position).count();
  }

  @Test
  void equalHandles_haveNoScheduler() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle();
        DmaBuffer buffer = device.allocate(BLOCK)) {
      first.schedule(PriorityClass.NORMAL, 100);
      post(first, buffer, 20, 0);
      post(second, buffer, 20, SECOND);
      // Posted at once, and in the order of submission.
      assertThat(queue.inFlight()).isEqualTo(40);
      pollUntilDone(queue, first, second);
      assertThat(countBelow(SECOND, 20)).isEqualTo(20);

      second.schedule(PriorityClass.NORMAL, 101);
      post(first, buffer, 20, 0);
      assertThat(queue.inFlight()).isZero();
      pollUntilDone(queue, first);
    }
  }

  @Test
  void weights_decideTheOrder() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle();
        DmaBuffer buffer = device.allocate(BLOCK)) {
      first.schedule(PriorityClass.NORMAL, 300);
      post(second, buffer, 200, SECOND);
      post(first, buffer, 200, 0);
      pollUntilDone(queue, first, second);
      assertThat(order).hasSize(400);
      assertThat(countBelow(SECOND, 200)).isBetween(149L, 151L);
    }
  }

  @Test
  void scheduler_takesOverWhatWaits() throws IOException {
    try (NvmeQueue queue = device.createQueue(4, QueueOption.CONFINED);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle()) {
      List<AsyncIo> ios = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        ios.add(new AsyncIo());
        first.enqueueRead(ios.getLast(), memory(), (long) i * BLOCK);
      }
      second.schedule(PriorityClass.LATENCY, 1);
      second.read(memory(), SECOND);
      assertThat(order.indexOf(SECOND / 512)).isLessThan(20);
      pollUntilDone(queue, first);
      assertThat(order).hasSize(21);
      assertThat(ios).allMatch(io -> io.isDone() && io.status() == 0);
    }
  }

  @Test
  void fullHandle_leavesRoomForTheOthers() throws IOException {
    try (NvmeQueue queue = device.createQueue(8, QueueOption.CONFINED);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle();
        DmaBuffer buffer = device.allocate(BLOCK)) {
      second.schedule(PriorityClass.BATCH, 1);
      post(first, buffer, 8, 0);
      AsyncIo refused = new AsyncIo();
      assertThat(first.read(refused, buffer, 0, BLOCK, 0)).isFalse();
      assertThat(refused.isInFlight()).isFalse();
      post(second, buffer, 8, SECOND);
      pollUntilDone(queue, first, second);
      assertThat(order).hasSize(16);
    }
  }

  @Test
  void close_waitsForWhatIsNotPosted() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle other = queue.createHandle();
        DmaBuffer buffer = device.allocate(BLOCK)) {
      List<AsyncIo> ios;
      try (NvmeHandle closing = queue.createHandle()) {
        closing.schedule(PriorityClass.BATCH, 1);
        ios = post(closing, buffer, 200, 0);
      }
      assertThat(ios).allMatch(io -> io.isDone() && io.status() == 0);
      assertWorks(other);
    }
  }

  @Test
  void whatWaits_survivesAReset() throws Exception {
    try (NvmeQueue queue = device.createQueue(4);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle()) {
      first.schedule(PriorityClass.NORMAL, 1000);
      inject(FaultInjector.FATAL);
      int failed = failures(start(first, second));
      // What was in flight has failed, at most the whole queue.
      assertThat(failed).isBetween(1, 4);
      assertWorks(first);
      assertWorks(second);
    }
  }

  @Test
  void whatWaits_endsWithTheController() throws Exception {
    try (NvmeQueue queue = device.createQueue(4);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle()) {
      second.schedule(PriorityClass.BATCH, 1);
      inject(FaultInjector.REMOVE);
      assertThat(failures(start(first, second))).isPositive();
      assertThatThrownBy(() -> first.read(memory(), 0)).isInstanceOf(NvmeException.class);
      // An operation is counted until its callback has returned, on the completion thread.
      while (first.outstanding() + second.outstanding() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void lostCommand_isAborted() throws Exception {
    try (NvmeQueue queue = device.createQueue(4);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle()) {
      first.schedule(PriorityClass.LATENCY, 1);
      inject(FaultInjector.DROP);
      assertThat(failures(start(first, second))).isPositive();
      assertWorks(first);
      assertWorks(second);
    }
  }

  @Test
  void synchronousThreads_areScheduledToo() throws Exception {
    try (NvmeQueue queue = device.createQueue(2);
        NvmeHandle first = queue.createHandle();
        NvmeHandle second = queue.createHandle();
        ExecutorService threads = Executors.newFixedThreadPool(6)) {
      first.schedule(PriorityClass.LATENCY, 1);
      second.schedule(PriorityClass.BATCH, 1);
      List<CompletableFuture<Void>> results = new ArrayList<>();
      for (int t = 0; t < 6; t++) {
        NvmeHandle handle = t % 2 == 0 ? first : second;
        long from = t * 64L * BLOCK;
        results.add(CompletableFuture.runAsync(() -> writeAndRead(handle, from), threads));
      }
      for (CompletableFuture<Void> result : results) {
        result.get(60, TimeUnit.SECONDS);
      }
      assertThat(queue.inFlight()).isZero();
    }
  }

  private static void writeAndRead(NvmeHandle handle, long from) {
    try {
      for (int i = 0; i < 50; i++) {
        byte[] data = TestData.random(from + i, 4 * BLOCK);
        handle.write(MemorySegment.ofArray(data), from);
        MemorySegment read = MemorySegment.ofArray(new byte[data.length]);
        handle.read(read, from);
        assertThat(TestData.bytes(read)).isEqualTo(data);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void badWeight_isRefused() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      assertThat(handle.priority()).isEqualTo(PriorityClass.NORMAL);
      assertThat(handle.weight()).isEqualTo(100);
      for (int weight : new int[] {0, -1, 1001, Integer.MIN_VALUE}) {
        assertThatThrownBy(() -> handle.schedule(PriorityClass.BATCH, weight))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("1 to 1000")
            .hasMessageContaining("weight=" + weight);
      }
      assertThat(handle.priority()).isEqualTo(PriorityClass.NORMAL);
      handle.schedule(PriorityClass.BATCH, 1);
      assertThat(handle.priority()).isEqualTo(PriorityClass.BATCH);
      assertThat(handle.weight()).isEqualTo(1);
    }
  }

  @Test
  void closedHandle_isNotScheduled() throws IOException {
    try (NvmeQueue queue = device.createQueue()) {
      NvmeHandle handle = queue.createHandle();
      handle.close();
      assertThatThrownBy(() -> handle.schedule(PriorityClass.BATCH, 1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }
  }

  @Test
  void multiQueueHandle_isScheduledOnEachQueue() throws IOException {
    try (NvmeQueue one = device.createQueue(QueueOption.CONFINED);
        NvmeQueue two = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle =
            device.createHandle(
                List.of(one, two), (h, opcode, at, length) -> at < SECOND ? one : two);
        DmaBuffer buffer = device.allocate(BLOCK)) {
      handle.schedule(PriorityClass.BATCH, 10);
      post(handle, buffer, 20, 0);
      post(handle, buffer, 20, SECOND);
      assertThat(one.inFlight() + two.inFlight()).isZero();
      while (handle.outstanding() > 0) {
        handle.poll();
      }
      assertThat(order).hasSize(40);
    }
  }

  @Test
  void confinedQueue_isScheduledBeforeItHasAThread() throws Exception {
    try (NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle()) {
      handle.schedule(PriorityClass.BATCH, 10);
      try (ExecutorService other = Executors.newSingleThreadExecutor()) {
        other.submit(() -> writeAndRead(handle, 0)).get();
        assertThatThrownBy(() -> handle.schedule(PriorityClass.NORMAL, 100))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("confined to thread");
        assertThat(handle.weight()).isEqualTo(10);
      }
    }
  }

  private void inject(int what) {
    fault = what;
    faultsLeft.set(1);
  }

  private static List<CompletableFuture<Void>> start(NvmeHandle first, NvmeHandle second)
      throws IOException {
    List<CompletableFuture<Void>> futures = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      NvmeHandle handle = i % 2 == 0 ? first : second;
      try {
        futures.add(handle.readAsync(memory(), (long) i * BLOCK));
      } catch (NvmeException e) {
        futures.add(CompletableFuture.failedFuture(e));
      }
    }
    return futures;
  }

  private static int failures(List<CompletableFuture<Void>> futures) throws Exception {
    int failed = 0;
    for (CompletableFuture<Void> future : futures) {
      try {
        future.get(60, TimeUnit.SECONDS);
      } catch (ExecutionException e) {
        assertThat(e).hasCauseInstanceOf(NvmeException.class);
        failed++;
      }
    }
    return failed;
  }

  private static MemorySegment memory() {
    return MemorySegment.ofArray(new byte[BLOCK]);
  }

  private static void assertWorks(NvmeHandle handle) {
    writeAndRead(handle, 0);
  }
}
