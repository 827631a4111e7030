package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;

/** What applications do wrong, or in an order that nobody thought of: an error, and never a hang. */
@ParameterizedClass
@DeviceAddresses("mem:8MiB")
@Timeout(300)
@SuppressWarnings("try") // closing early is what some tests are about
class MisuseTest {

  private final String address;

  MisuseTest(String address) {
    this.address = address;
  }

  private static MemorySegment heap(int length) {
    return MemorySegment.ofArray(new byte[length]);
  }

  private static void pollUntilDone(NvmeQueue queue, AsyncIo io) {
    while (!io.isDone()) {
      queue.poll();
    }
  }

  @Test
  void bufferOfAnotherDevice_isRefused() throws IOException {
    try (NvmeDevice first = NvmeDevice.open("mem:1MiB");
        NvmeDevice second = NvmeDevice.open(address);
        DmaBuffer foreign = first.allocate(4096);
        NvmeQueue queue = second.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      AsyncIo io = new AsyncIo();
      assertThatThrownBy(() -> handle.read(io, foreign, 0, 4096, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("another device");
      // As plain memory it works: it is mapped for this device, too.
      handle.read(foreign.segment(), 0);
    }
  }

  @Test
  @Tag("emulator")
  void commandThatIsNotRung_doesNotExpire() throws IOException {
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(Duration.ofMillis(20));
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB", options);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      AsyncIo io = new AsyncIo();
      assertThat(handle.read(io, buffer, 0, 4096, 0)).isTrue();
      // The completion thread looks at deadlines, and shows the command to the device then.
      while (!io.isDone()) {
        Thread.onSpinWait();
      }
      assertThat(io.status()).isZero();
    }
  }

  @Test
  @Tag("emulator")
  void lostCommand_onABusyQueue_isStillFound() throws IOException {
    Emulator emulator = Emulator.open(EmulatorOptions.parse("mem:1MiB"));
    AtomicInteger drops = new AtomicInteger(1);
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(Duration.ofMillis(100));
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB", new RingTransport(emulator), options);
        NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid != 0 && drops.getAndDecrement() > 0 ? FaultInjector.DROP : FaultInjector.NONE);
      AsyncIo lost = new AsyncIo();
      assertThat(handle.read(lost, buffer, 0, 512, 0)).isTrue();
      queue.poll();
      AsyncIo other = new AsyncIo();
      while (!lost.isDone()) {
        if (!other.isInFlight()) {
          assertThat(handle.read(other, buffer, 512, 512, 0)).isTrue();
        }
        queue.poll();
      }
      assertThat(lost.status()).isNotZero();
    }
  }

  @Test
  void closeOfAMultiQueueHandle_reapsAllItsQueues() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      DeviceTraits.assumeQueues(device, 2);
      // Several commands, unless one may be larger than the memory that a test should use.
      long most = device.maxTransferBytes();
      long length = Math.min(4 * most, 8 << 20);
      try (NvmeQueue first = device.createQueue(QueueOption.MANUAL_COMPLETION);
          NvmeQueue second = device.createQueue(QueueOption.MANUAL_COMPLETION)) {
        AtomicInteger commands = new AtomicInteger();
        NvmeHandle handle =
            device.createHandle(
                List.of(first, second),
                (h, opcode, position, bytes) ->
                    (commands.getAndIncrement() & 1) == 0 ? first : second);
        AsyncIo io = new AsyncIo();
        assertThat(handle.write(io, heap((int) length), 0)).isTrue();
        handle.close();
        assertThat(io.status()).isZero();
        assertThat(commands).hasValue((int) Math.ceilDiv(length, most));
      }
    }
  }

  @Test
  void errorOutOfACallback_harmsNoOtherOperation() throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      AtomicInteger called = new AtomicInteger();
      AsyncIo bad =
          new AsyncIo(io -> {
            called.incrementAndGet();
            throw new AssertionError("out of a callback");
          });
      assertThat(handle.read(bad, heap(4096), 0)).isTrue();
      queue.ring();
      while (called.get() == 0) {
        Thread.onSpinWait();
      }
      handle.readAsync(heap(4096), 0).get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void errorOutOfACallback_harmsNoOtherOperationOfAPoll() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue manual = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle polled = manual.createHandle()) {
      AsyncIo good = new AsyncIo();
      AsyncIo alsoBad =
          new AsyncIo(io -> {
            throw new AssertionError("out of a callback");
          });
      assertThat(polled.read(alsoBad, heap(4096), 0)).isTrue();
      assertThat(polled.read(good, heap(4096), 0)).isTrue();
      // Which of the two the device completes first is its own business.
      assertThatThrownBy(
              () -> {
                pollUntilDone(manual, alsoBad);
                pollUntilDone(manual, good);
              })
          .isInstanceOf(AssertionError.class)
          .hasMessage("out of a callback");
      pollUntilDone(manual, good);
      assertThat(good.status()).isZero();
      assertThat(polled.outstanding()).isZero();
    }
  }

  @Test
  void closedMemory_isRefused() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle()) {
      DmaBuffer buffer = device.allocate(4096);
      MemorySegment segment = buffer.segment();
      AsyncIo io = new AsyncIo();
      assertThat(handle.read(io, buffer, 0, 4096, 0)).isTrue();
      buffer.close();
      assertThatThrownBy(() -> handle.read(segment, 0)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> handle.read(new AsyncIo(), segment, 0))
          .isInstanceOf(IllegalStateException.class);
      pollUntilDone(queue, io);
      assertThatThrownBy(() -> handle.read(segment, 0)).isInstanceOf(IllegalStateException.class);
      MemorySegment shared;
      try (Arena arena = Arena.ofShared()) {
        shared = arena.allocate(4096, 4096);
        handle.read(shared, 0);
      }
      assertThatThrownBy(() -> handle.read(shared, 0)).isInstanceOf(IllegalStateException.class);
      assertThat(handle.outstanding()).isZero();
    }
  }

  @Test
  void readOnlyViewOfMemory_doesNotMakeItReadOnlyForTheDevice() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(4096, 4096);
      handle.write(memory.asReadOnly(), 0);
      handle.read(memory, 0);
    }
  }

  @Test
  void closeInACallback_isAnException() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle()) {
      AtomicReference<RuntimeException> thrown = new AtomicReference<>();
      AsyncIo io =
          new AsyncIo(done -> {
            try {
              handle.close();
            } catch (IllegalStateException e) {
              thrown.set(e);
            }
          });
      assertThat(handle.read(io, heap(4096), 0)).isTrue();
      pollUntilDone(queue, io);
      assertThat(thrown.get()).hasMessageContaining("callback");
      handle.read(heap(4096), 0);
    }
  }

  @Test
  void confinedQueue_closedByAnotherThread_staysItsOwners() throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
      NvmeHandle handle = queue.createHandle();
      AsyncIo io = new AsyncIo();
      assertThat(handle.read(io, heap(4096), 0)).isTrue();
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread other =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  handle.close();
                } catch (IllegalStateException e) {
                  thrown.set(e);
                }
              });
      other.join();
      assertThat(thrown.get()).hasMessageContaining("confined");
      handle.close();
      assertThat(io.isDone()).isTrue();
      queue.close();
    }
  }

  @Test
  void confinedQueue_ofAThreadThatEnded_canBeClosed() throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle()) {
      AsyncIo io = new AsyncIo();
      Thread owner =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  handle.read(io, heap(4096), 0);
                } catch (IOException e) {
                  throw new AssertionError(e);
                }
              });
      owner.join();
      handle.close();
      assertThat(io.status()).isZero();
    }
  }

  @Test
  @Tag("emulator")
  void refusedOperations_ofALostController_leakNothing() throws IOException {
    Emulator emulator = Emulator.open(EmulatorOptions.parse("mem:1MiB"));
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(Duration.ofMillis(50));
    NvmeDevice device = NvmeDevice.open("mem:1MiB", new RingTransport(emulator), options);
    try (device;
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      emulator.inject((sqid, opcode, nsid, slba, blocks) -> FaultInjector.REMOVE);
      assertThatThrownBy(() -> handle.read(heap(512), 0)).isInstanceOf(NvmeException.class);
      DmaBuffer buffer = device.allocate(4096);
      MemorySegment segment = buffer.segment();
      assertThatThrownBy(() -> handle.read(new AsyncIo(), buffer, 0, 4096, 0))
          .isInstanceOf(NvmeException.class);
      assertThatThrownBy(() -> handle.read(segment, 0)).isInstanceOf(NvmeException.class);
      buffer.close();
      assertThat(segment.scope().isAlive()).isFalse();
    }
  }

  @Test
  @Tag("emulator")
  void queueWhoseDeletionFails_doesNotBlockTheNext() throws IOException {
    Emulator emulator = Emulator.open(EmulatorOptions.parse("mem:1MiB"));
    try (NvmeDevice device =
        NvmeDevice.open("mem:1MiB", new RingTransport(emulator), DeviceOptions.defaults())) {
      NvmeQueue queue = device.createQueue();
      int id = queue.id();
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid == 0 && opcode == Opcode.DELETE_IO_SQ ? Status.INTERNAL_ERROR : FaultInjector.NONE);
      assertThatThrownBy(queue::close).isInstanceOf(NvmeException.class);
      emulator.inject(null);
      try (NvmeQueue next = device.createQueue();
          NvmeHandle handle = next.createHandle()) {
        assertThat(next.id()).isNotEqualTo(id);
        handle.read(heap(512), 0);
      }
    }
  }

  @Test
  void misalignedCount_acrossTheEnd_isRefused() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      int block = device.blockBytes();
      handle.seek(block, SeekOrigin.END);
      assertThatThrownBy(() -> handle.read(heap(2 * block - 24)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("length=" + (2 * block - 24));
      assertThat(handle.position()).isEqualTo(device.sizeBytes() - block);
      assertThat(handle.read(heap(2 * block))).isEqualTo(block);
    }
  }

  @Test
  @Tag("emulator")
  void failedWriteBehind_isToldByTheNextFlush_orByClose() throws IOException {
    Emulator emulator = Emulator.open(EmulatorOptions.parse("mem:1MiB"));
    NvmeDevice device =
        NvmeDevice.open("mem:1MiB", new RingTransport(emulator), DeviceOptions.defaults());
    emulator.inject((sqid, opcode, nsid, slba, blocks) ->
        sqid != 0 && opcode == Opcode.WRITE ? Status.WRITE_FAULT : FaultInjector.NONE);
    try (NvmeQueue queue = device.createQueue()) {
      try (NvmeHandle handle = queue.createHandle(HandleOption.WRITE_BEHIND);
          NvmeHandle other = queue.createHandle()) {
        handle.write(heap(512), 0);
        assertThatThrownBy(handle::flush)
            .isInstanceOf(NvmeException.class)
            .hasMessageContaining("Write Fault");
        handle.flush();
        assertThatThrownBy(other::flush).isInstanceOf(NvmeException.class);
        other.flush();
        handle.write(heap(512), 0);
      }
    }
    assertThatThrownBy(device::close)
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("after it had returned");
    device.close();
  }

  @Test
  @Tag("emulator")
  void dirtyBlocks_thatCannotBeWritten_keepTheDeviceOpen() throws IOException {
    Emulator emulator = Emulator.open(EmulatorOptions.parse("mem:1MiB"));
    NvmeDevice device =
        NvmeDevice.open("mem:1MiB", new RingTransport(emulator), DeviceOptions.defaults());
    byte[] data = TestData.random(1, 5000);
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      handle.write(MemorySegment.ofArray(data), 100);
    }
    emulator.inject((sqid, opcode, nsid, slba, blocks) ->
        sqid != 0 && opcode == Opcode.WRITE ? Status.WRITE_FAULT : FaultInjector.NONE);
    assertThatThrownBy(device::close).isInstanceOf(IOException.class);
    emulator.inject(null);
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      MemorySegment read = heap(5000);
      handle.read(read, 100);
      assertThat(TestData.bytes(read)).isEqualTo(data);
    }
    device.close();
  }

  @Test
  @Tag("emulator")
  void bufferedData_isOnTheDeviceAfterClose() throws IOException {
    List<Integer> writes = new ArrayList<>();
    Emulator emulator = Emulator.open(EmulatorOptions.parse("mem:1MiB"));
    try (NvmeDevice device =
            NvmeDevice.open("mem:1MiB", new RingTransport(emulator), DeviceOptions.defaults());
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      emulator.inject((sqid, opcode, nsid, slba, blocks) -> {
        if (sqid != 0 && opcode == Opcode.WRITE) {
          writes.add(blocks);
        }
        return FaultInjector.NONE;
      });
      handle.write(heap(4096), 0);
      assertThat(writes).isEmpty();
    }
    assertThat(writes).containsExactly(8);
  }
}
