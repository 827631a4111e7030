package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Shadow doorbells with the embedded controller; writes of doorbell registers are counted. */
@Timeout(300)
class ShadowDoorbellTest {

  private static final DeviceOptions OPTIONS =
      DeviceOptions.defaults().withCommandTimeout(Duration.ofSeconds(60));

  private final AtomicInteger rung = new AtomicInteger();

  private Doorbell counted(Doorbell register) {
    return value -> {
      rung.incrementAndGet();
      register.ring(value);
    };
  }

  private NvmeDevice open(Emulator emulator) throws IOException {
    return FaultyDevice.withDoorbells(emulator, this::counted, OPTIONS);
  }

  /** Writes and reads with so many commands in flight; returns how many there were. */
  private static int work(NvmeDevice device, NvmeQueue queue, int depth, int rounds)
      throws IOException {
    AtomicInteger failed = new AtomicInteger();
    int commands = 0;
    try (NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      AsyncIo[] ios = new AsyncIo[depth];
      for (int i = 0; i < depth; i++) {
        ios[i] = new AsyncIo(io -> failed.addAndGet(io.status() == 0 ? 0 : 1));
      }
      for (int round = 0; round < rounds; round++) {
        int batch = 1 + round % depth;
        for (int i = 0; i < batch; i++) {
          assertThat(handle.read(ios[i], buffer, 0, 4096, i * 4096L)).isTrue();
          // Each by itself, so that the device may be anywhere between work and sleep.
          queue.ring();
          commands++;
        }
        while (handle.outstanding() > 0) {
          queue.poll();
        }
      }
    }
    assertThat(failed).hasValue(0);
    return commands;
  }

  /** The device is in the midst of its first command, so it will look for more by itself. */
  @Test
  void register_isNotWrittenWhileTheDeviceIsAwake() throws Exception {
    CountDownLatch executing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?shadow=on&mode=thread");
    try (NvmeDevice device = open(emulator);
        NvmeQueue queue = device.createQueue(16, QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
        executing.countDown();
        awaitUninterruptibly(goOn);
        return FaultInjector.NONE;
      });
      rung.set(0);
      for (int i = 0; i < 16; i++) {
        assertThat(handle.read(new AsyncIo(), buffer, 0, 4096, i * 4096L)).isTrue();
        queue.ring();
        awaitUninterruptibly(executing);
      }
      assertThat(rung).as("the first one").hasValue(1);
      goOn.countDown();
      while (handle.outstanding() > 0) {
        queue.poll();
      }
    }
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Rings at every moment of a device that is about to sleep. */
  @Test
  void deviceThatGoesToSleep_missesNothing() throws IOException {
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?shadow=on&mode=thread");
    try (NvmeDevice device = open(emulator);
        NvmeQueue queue = device.createQueue(3, QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      Random random = new Random(1);
      for (int i = 0; i < 5000; i++) {
        for (int spins = random.nextInt(1500); spins > 0; spins--) {
          Thread.onSpinWait();
        }
        handle.read(buffer.segment(), i % 1000 * 4096L);
      }
      assertThat(rung.get()).isPositive();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:4MiB?shadow=off", "mem:4MiB?shadow=off&mode=thread"})
  void register_isWrittenForEachRingWithoutShadowDoorbells(String address) throws IOException {
    Emulator emulator = FaultyDevice.emulator(address);
    try (NvmeDevice device = open(emulator);
        NvmeQueue queue = device.createQueue(16, QueueOption.CONFINED)) {
      rung.set(0);
      int commands = work(device, queue, 16, 200);
      assertThat(rung.get()).isGreaterThan(commands);
    }
  }

  /** One at a time, and the device's thread is asleep before each: none may be lost. */
  @Test
  void deviceThatSleeps_isRung() throws IOException {
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?shadow=on&mode=thread");
    try (NvmeDevice device = open(emulator);
        NvmeQueue queue = device.createQueue(3, QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle()) {
      Thread thread = deviceThread();
      MemorySegment memory = MemorySegment.ofArray(new byte[4096]);
      for (int i = 0; i < 200; i++) {
        while (thread.getState() != Thread.State.WAITING) {
          Thread.onSpinWait();
        }
        int before = rung.get();
        handle.read(memory, 0);
        assertThat(rung.get()).as("round %d", i).isGreaterThan(before);
      }
    }
  }

  private static Thread deviceThread() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("nvme-emulator-"))
        .max((a, b) -> Long.compare(a.threadId(), b.threadId()))
        .orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:4MiB?shadow=on", "mem:4MiB?shadow=on&mode=thread"})
  void queues_thatFollowEachOtherUnderOneIdentifier_loseNothing(String address) throws IOException {
    Emulator emulator = FaultyDevice.emulator(address);
    try (NvmeDevice device = open(emulator)) {
      for (int depth = 1; depth < 40; depth++) {
        try (NvmeQueue queue = device.createQueue(depth, QueueOption.CONFINED)) {
          assertThat(queue.id()).isEqualTo(1);
          assertThat(work(device, queue, depth, depth)).isPositive();
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:4MiB?shadow=on", "mem:4MiB?shadow=on&mode=thread"})
  void reset_givesTheControllerItsPagesAgain(String address) throws IOException {
    Emulator emulator = FaultyDevice.emulator(address);
    AtomicInteger configured = new AtomicInteger();
    AtomicInteger fatal = new AtomicInteger();
    emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
      if (sqid == 0 && opcode == Opcode.DOORBELL_BUFFER_CONFIG) {
        configured.incrementAndGet();
      }
      return sqid != 0 && fatal.getAndSet(0) == 1 ? FaultInjector.FATAL : FaultInjector.NONE;
    });
    DeviceOptions soon = DeviceOptions.defaults().withCommandTimeout(Duration.ofSeconds(2));
    try (NvmeDevice device = FaultyDevice.withDoorbells(emulator, this::counted, soon);
        NvmeQueue queue = device.createQueue(8);
        NvmeQueue other = device.createQueue(8);
        NvmeHandle handle = queue.createHandle()) {
      assertThat(configured).hasValue(1);
      work(device, other, 5, 9);
      for (int reset = 1; reset <= 3; reset++) {
        fatal.set(1);
        assertThatThrownBy(() -> handle.read(MemorySegment.ofArray(new byte[4096]), 0))
            .isInstanceOf(NvmeException.class);
        assertThat(configured).hasValue(1 + reset);
        work(device, queue, 7, 50);
        work(device, other, 7, 50);
      }
    }
  }

  @Test
  void controllerThatRefuses_worksWithRegisters() throws IOException {
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?shadow=on&mode=thread");
    emulator.inject((sqid, opcode, nsid, slba, blocks) ->
        sqid == 0 && opcode == Opcode.DOORBELL_BUFFER_CONFIG ? 0x4006 : FaultInjector.NONE);
    try (NvmeDevice device = open(emulator);
        NvmeQueue queue = device.createQueue(16, QueueOption.CONFINED)) {
      rung.set(0);
      int commands = work(device, queue, 16, 200);
      assertThat(rung.get()).isGreaterThan(commands);
    }
  }
}
