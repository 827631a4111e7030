package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How threads wait for operations that the device holds back until the test lets them go. */
@Timeout(300)
class CompletionWaitTest {

  private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);
  private static final DeviceOptions PATIENT =
      DeviceOptions.defaults().withCommandTimeout(Duration.ofHours(1));

  /** More than a scheduler of virtual threads has carriers. */
  private static final int MANY = 4 * Runtime.getRuntime().availableProcessors() + 16;

  private final CountDownLatch release = new CountDownLatch(1);

  /** The device executes no command of an I/O queue until {@link #release}. */
  private NvmeDevice openHeld() throws IOException {
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?mode=thread");
    NvmeDevice device = FaultyDevice.open("mem:4MiB", emulator, PATIENT);
    emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
      if (sqid != 0) {
        awaitRelease();
      }
      return FaultInjector.NONE;
    });
    return device;
  }

  private void awaitRelease() {
    try {
      assertThat(release.await(LIMIT_NS, TimeUnit.NANOSECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long fromNs = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - fromNs).isLessThan(LIMIT_NS);
      Thread.sleep(1);
    }
  }

  private static MemorySegment memory() {
    return MemorySegment.ofArray(new byte[4096]);
  }

  private static Future<Void> read(ExecutorService threads, NvmeHandle handle) {
    return threads.submit(() -> {
      handle.read(memory(), 0);
      return null;
    });
  }

  private static Future<Void> readVectored(ExecutorService threads, NvmeHandle handle) {
    return threads.submit(() -> {
      MemorySegment all = memory();
      handle.read(new MemorySegment[] {all.asSlice(0, 1000), all.asSlice(1000)}, 0);
      return null;
    });
  }

  private static void join(List<Future<Void>> results) throws Exception {
    for (Future<Void> result : results) {
      result.get(LIMIT_NS, TimeUnit.NANOSECONDS);
    }
  }

  @Test
  void hybrid_followsALatencyThatChanges() throws Exception {
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?mode=thread");
    long[] latenciesNs = {0, 200_000, 200_000, 20_000_000, 0, 50_000, 2_000_000, 0};
    AtomicInteger count = new AtomicInteger();
    try (NvmeDevice device = FaultyDevice.open("mem:4MiB", emulator, PATIENT);
        NvmeQueue polled = device.createQueue();
        NvmeQueue interrupting = device.createQueue(QueueOption.INTERRUPT);
        NvmeHandle first = polled.createHandle(HandleOption.HYBRID);
        NvmeHandle second = interrupting.createHandle(HandleOption.HYBRID)) {
      emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
        if (sqid != 0) {
          // Twenty in a row, so that it is learned.
          long ns = latenciesNs[count.getAndIncrement() / 20 % latenciesNs.length];
          long untilNs = System.nanoTime() + ns;
          while (ns > 0 && System.nanoTime() < untilNs) {
            LockSupport.parkNanos(untilNs - System.nanoTime());
          }
        }
        return FaultInjector.NONE;
      });
      for (NvmeHandle handle : List.of(first, second)) {
        for (int i = 0; i < 20 * latenciesNs.length; i++) {
          byte[] data = TestData.random(i, 4096);
          MemorySegment read = memory();
          handle.write(MemorySegment.ofArray(data), 0);
          handle.read(read, 0);
          assertThat(TestData.bytes(read)).isEqualTo(data);
        }
      }
    }
  }

  /** Each sleep would take two seconds, if nobody ended it. */
  @Test
  void sleeper_isWokenByWhoeverCompletesItsOperation() throws Exception {
    LatencyModel slow = new LatencyModel();
    int kind = LatencyModel.kind(Opcode.READ, 4096);
    Thread[] sleeping = new Thread[1];
    try (NvmeDevice device = NvmeDevice.open("mem:4MiB?mode=thread");
        DmaBuffer buffer = device.allocate(4096);
        NvmeQueue queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle();
        ExecutorService threads =
            Executors.newSingleThreadExecutor(task -> sleeping[0] = new Thread(task))) {
      for (int round = 0; round < 500; round++) {
        for (int i = 0; i < 50; i++) {
          slow.exact(kind, Integer.MAX_VALUE);
        }
        AsyncIo io = new AsyncIo();
        assertThat(handle.read(io, buffer, 0, 4096, 0)).isTrue();
        // Not shown to the device before this thread polls, so that the sleeper's own look finds
        // nothing.
        Future<?> sleeper =
            threads.submit(() -> queue.completionWait().await(io, CompletionPolicy.HYBRID, slow));
        if (round % 2 == 0) {
          await(() -> sleeping[0].getState() == Thread.State.TIMED_WAITING);
        }
        while (!sleeper.isDone()) {
          queue.poll();
          Thread.onSpinWait();
        }
        sleeper.get();
        assertThat(io.isDone()).isTrue();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "INTERRUPT", "HYBRID", "MANUAL_COMPLETION"})
  void virtualThreadsThatWait_leaveTheirCarriers(String kind) throws Exception {
    List<QueueOption> queueOptions =
        switch (kind) {
          case "" -> List.of();
          case "MANUAL_COMPLETION" -> List.of(QueueOption.MANUAL_COMPLETION);
          default -> List.of(QueueOption.INTERRUPT);
        };
    HandleOption[] handleOptions =
        kind.equals("INTERRUPT") || kind.equals("HYBRID")
            ? new HandleOption[] {HandleOption.valueOf(kind)}
            : new HandleOption[0];
    try (NvmeDevice device = openHeld();
        NvmeQueue queue = device.createQueue(queueOptions.toArray(QueueOption[]::new));
        NvmeHandle handle = queue.createHandle(handleOptions);
        ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Void>> reads = new ArrayList<>();
      try {
        for (int i = 0; i < MANY; i++) {
          reads.add(read(virtual, handle));
        }
        await(() -> handle.outstanding() == MANY);
        // Runs on a carrier that a waiting thread has left.
        assertThat(virtual.submit(() -> 42).get(LIMIT_NS, TimeUnit.NANOSECONDS)).isEqualTo(42);
        assertThat(reads).noneMatch(Future::isDone);
      } finally {
        release.countDown();
      }
      join(reads);
    }
  }

  @Test
  void virtualThread_thatIsInterrupted_waitsToTheEndAndStaysInterrupted() throws Exception {
    try (NvmeDevice device = openHeld();
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
      Thread[] reader = new Thread[1];
      CountDownLatch started = new CountDownLatch(1);
      Future<Boolean> interrupted =
          virtual.submit(() -> {
            reader[0] = Thread.currentThread();
            started.countDown();
            handle.read(memory(), 0);
            return Thread.interrupted();
          });
      try {
        started.await();
        await(() -> reader[0].getState() == Thread.State.WAITING);
        reader[0].interrupt();
        // It has seen the interrupt, and waits again.
        await(() -> !reader[0].isInterrupted() && reader[0].getState() == Thread.State.WAITING);
        assertThat(interrupted.isDone()).isFalse();
      } finally {
        release.countDown();
      }
      assertThat(interrupted.get(LIMIT_NS, TimeUnit.NANOSECONDS)).isTrue();
    }
  }

  @Test
  void close_waitsForVirtualThreads() throws Exception {
    try (NvmeDevice device = openHeld();
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor();
        ExecutorService closer = Executors.newSingleThreadExecutor()) {
      List<Future<Void>> reads = new ArrayList<>();
      Future<?> close;
      try {
        for (int i = 0; i < MANY; i++) {
          reads.add(read(virtual, handle));
        }
        await(() -> handle.outstanding() == MANY);
        close = closer.submit(handle::close);
        assertThat(reads).noneMatch(Future::isDone);
        assertThat(close.isDone()).isFalse();
      } finally {
        release.countDown();
      }
      join(reads);
      close.get(LIMIT_NS, TimeUnit.NANOSECONDS);
    }
  }

  @Test
  void readersOfHeapMemory_shareTheBounceBuffers() throws Exception {
    int readers = NvmeDevice.MOST_BOUNCES + 100;
    try (NvmeDevice device = openHeld();
        NvmeQueue queue = device.createQueue();
        NvmeQueue other = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        NvmeHandle otherHandle = other.createHandle();
        DmaBuffer buffer = device.allocate(4096);
        ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Void>> reads = new ArrayList<>();
      CountDownLatch calledBack = new CountDownLatch(1);
      AsyncIo io =
          new AsyncIo(done -> {
            try {
              // On the thread that completes the operations of those that have all the buffers.
              handle.read(memory(), 0);
              calledBack.countDown();
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          });
      try {
        assertThat(otherHandle.read(io, buffer, 0, 4096, 0)).isTrue();
        other.ring();
        for (int i = 0; i < readers; i++) {
          reads.add(i % 2 == 0 ? read(virtual, handle) : readVectored(virtual, handle));
        }
        await(() -> handle.outstanding() == NvmeDevice.MOST_BOUNCES);
        await(() -> device.bounces().waiting() == readers - NvmeDevice.MOST_BOUNCES);
      } finally {
        release.countDown();
      }
      assertThat(calledBack.await(LIMIT_NS, TimeUnit.NANOSECONDS)).isTrue();
      join(reads);
      assertThat(device.bounces().waiting()).isZero();
    }
  }

  /** Whatever the policy was, and whoever waited: when nothing is in flight, no thread of ours runs. */
  @Test
  void idleDevice_hasNoThreadThatRuns() throws Exception {
    try (NvmeDevice device = NvmeDevice.open("mem:4MiB?model=flash");
        NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
        NvmeHandle handle = queue.createHandle();
        ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Set<HandleOption> policy :
          List.of(
              Set.<HandleOption>of(),
              Set.of(HandleOption.INTERRUPT),
              Set.of(HandleOption.HYBRID))) {
        policy.forEach(option -> handle.set(option, true));
        for (int i = 0; i < 20; i++) {
          handle.read(memory(), 0);
          read(virtual, handle).get();
          handle.readAsync(memory(), 0).get();
        }
        policy.forEach(option -> handle.set(option, false));
        await(CompletionWaitTest::ourThreadsSleep);
        for (int i = 0; i < 100; i++) {
          // For good, and not between two looks: a wait with a limit is another state.
          assertThat(ourThreadsSleep()).isTrue();
        }
      }
    }
  }

  private static boolean ourThreadsSleep() {
    List<Thread> ours =
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().startsWith("nvme"))
            .toList();
    assertThat(ours).hasSizeGreaterThanOrEqualTo(2);
    return ours.stream().allMatch(thread -> thread.getState() == Thread.State.WAITING);
  }
}
