package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Threads that block on interrupt vectors. Their waits end by a signal or by a wake only: one that
 * has to run into its limit is counted, and is an error.
 */
@Timeout(300)
class InterruptWaitTest {

  private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);
  private static final DeviceOptions PATIENT =
      DeviceOptions.defaults().withCommandTimeout(Duration.ofHours(1));

  /** Waits that nothing has ended. */
  private final AtomicInteger overdue = new AtomicInteger();

  /** Has a permit for each wait that has begun. */
  private final Semaphore waits = new Semaphore(0);

  /** Waits without the caller's limit. */
  private InterruptVector patient(InterruptVector vector) {
    return new InterruptVector() {
      @Override
      public boolean await(long timeoutNs) throws InterruptedException {
        assertThat(timeoutNs).isBetween(1L, TimeUnit.SECONDS.toNanos(1));
        waits.release();
        boolean ended = vector.await(LIMIT_NS);
        if (!ended) {
          overdue.incrementAndGet();
        }
        return ended;
      }

      @Override
      public void wake() {
        vector.wake();
      }

      @Override
      public void close() {
        vector.close();
      }
    };
  }

  private NvmeDevice open(Emulator emulator, int vectors, DeviceOptions options)
      throws IOException {
    return FaultyDevice.withVectors(
        emulator, vectors, index -> patient(emulator.vector(index)), options);
  }

  /** A device whose interrupts do not arrive. */
  private NvmeDevice openDeaf(Emulator emulator, DeviceOptions options) throws IOException {
    return FaultyDevice.withVectors(
        emulator, 2, index -> patient(emulator.vector(emulator.vectors() - 1)), options);
  }

  private static MemorySegment memory() {
    return MemorySegment.ofArray(new byte[4096]);
  }

  @ParameterizedTest
  @CsvSource({
    "mem:4MiB, 1",
    "mem:4MiB, 2",
    "mem:4MiB?mode=thread, 1",
    "mem:4MiB?mode=thread, 2",
    "mem:4MiB?mode=thread, 3",
    "mem:4MiB?shadow=on&mode=thread, 2"
  })
  void queues_thatShareAVector_loseNoWakeUp(String address, int vectors) throws Exception {
    int threadsPerQueue = 2;
    Emulator emulator = FaultyDevice.emulator(address);
    try (NvmeDevice device = open(emulator, vectors, PATIENT);
        NvmeQueue first = device.createQueue(4, QueueOption.INTERRUPT);
        NvmeQueue second = device.createQueue(4, QueueOption.INTERRUPT);
        NvmeQueue third = device.createQueue(1, QueueOption.INTERRUPT);
        ExecutorService threads = Executors.newCachedThreadPool()) {
      List<Future<Integer>> results = new ArrayList<>();
      for (NvmeQueue queue : List.of(first, second, third)) {
        for (int t = 0; t < threadsPerQueue; t++) {
          results.add(threads.submit(() -> read(queue, 1000)));
        }
      }
      for (Future<Integer> result : results) {
        assertThat(result.get()).isEqualTo(1000);
      }
    }
    assertThat(overdue).hasValue(0);
  }

  private static int read(NvmeQueue queue, int times) throws IOException {
    try (NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT)) {
      MemorySegment memory = memory();
      int i = 0;
      while (i < times) {
        handle.read(memory, i++ * 4096L % (1 << 20));
      }
      return i;
    }
  }

  /** The device holds the commands of I/O queues until the latch is open. */
  private static void hold(Emulator emulator, CountDownLatch latch) {
    emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
      if (sqid != 0) {
        awaitUninterruptibly(latch);
      }
      return FaultInjector.NONE;
    });
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      assertThat(latch.await(LIMIT_NS, TimeUnit.NANOSECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void operation_thatAnotherThreadCompletes_endsItsWait() throws Exception {
    for (int round = 0; round < 100; round++) {
      CountDownLatch latch = new CountDownLatch(1);
      Emulator emulator = FaultyDevice.emulator("mem:4MiB?mode=thread");
      try (NvmeDevice device = openDeaf(emulator, PATIENT);
          NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
          NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT);
          ExecutorService threads = Executors.newFixedThreadPool(2)) {
        hold(emulator, latch);
        List<Future<?>> reads = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
          reads.add(
              threads.submit(() -> {
                handle.read(memory(), 0);
                return null;
              }));
        }
        if (round % 2 == 0) {
          assertThat(waits.tryAcquire(LIMIT_NS, TimeUnit.NANOSECONDS)).as("one leads").isTrue();
        }
        latch.countDown();
        while (!reads.stream().allMatch(Future::isDone)) {
          queue.poll();
          Thread.onSpinWait();
        }
        for (Future<?> read : reads) {
          read.get();
        }
      }
    }
    assertThat(overdue).hasValue(0);
  }

  @Test
  void reset_endsTheWaitsOfOtherQueues() throws Exception {
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?mode=thread");
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(Duration.ofSeconds(2));
    try (NvmeDevice device = openDeaf(emulator, options);
        NvmeQueue first = device.createQueue(QueueOption.INTERRUPT);
        NvmeQueue second = device.createQueue();
        NvmeHandle blocking = first.createHandle(HandleOption.INTERRUPT);
        NvmeHandle polling = second.createHandle();
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          switch (sqid) {
            case 0 -> FaultInjector.NONE;
            case 1 -> FaultInjector.DROP;
            default -> FaultInjector.FATAL;
          });
      Future<?> read =
          threads.submit(() -> {
            blocking.read(memory(), 0);
            return null;
          });
      assertThat(waits.tryAcquire(LIMIT_NS, TimeUnit.NANOSECONDS)).isTrue();
      assertThatThrownBy(() -> polling.read(memory(), 0)).isInstanceOf(NvmeException.class);
      assertThatThrownBy(() -> read.get(60, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(NvmeException.class);
    }
    assertThat(overdue).hasValue(0);
  }

  @Test
  void interruptedThread_waitsToTheEndAndStaysInterrupted() throws Exception {
    CountDownLatch latch = new CountDownLatch(1);
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?mode=thread");
    try (NvmeDevice device = open(emulator, 2, PATIENT);
        NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
        NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT);
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      hold(emulator, latch);
      CountDownLatch started = new CountDownLatch(1);
      Thread[] reader = new Thread[1];
      Future<Boolean> interrupted =
          threads.submit(() -> {
            reader[0] = Thread.currentThread();
            started.countDown();
            handle.read(memory(), 0);
            return Thread.interrupted();
          });
      awaitUninterruptibly(started);
      assertThat(waits.tryAcquire(LIMIT_NS, TimeUnit.NANOSECONDS)).isTrue();
      reader[0].interrupt();
      assertThat(waits.tryAcquire(LIMIT_NS, TimeUnit.NANOSECONDS)).as("waits again").isTrue();
      assertThat(interrupted.isDone()).isFalse();
      latch.countDown();
      assertThat(interrupted.get(60, TimeUnit.SECONDS)).isTrue();
    }
    assertThat(overdue).hasValue(0);
  }
}
