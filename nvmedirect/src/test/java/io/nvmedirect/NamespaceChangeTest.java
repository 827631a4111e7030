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
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Another host changes the namespace, and the controller lets it. */
@ParameterizedClass
@ValueSource(
    strings = {
      "mem:4MiB",
      "mem:4MiB?mode=thread",
      "mem:4MiB?mode=thread&vectors=0",
      "mem:4MiB?model=flash&mode=thread",
      "mem:4MiB?shadow=on&sgl=on"
    })
@Tag("emulator")
@Timeout(120)
class NamespaceChangeTest {

  private static final int BLOCK = 512;
  private static final String REFORMATTED =
      "was reformatted from 512-byte to 4096-byte blocks by another host: open it again";

  private final String address;
  private final Emulator emulator;
  private final NvmeDevice device;

  /** Commands that the device has got. */
  private final AtomicInteger eventRequests = new AtomicInteger();

  private final AtomicInteger ioCommands = new AtomicInteger();
  private volatile int adminFault = FaultInjector.NONE;

  /** How often Identify Namespace still fails, and how. */
  private final AtomicInteger identifyFaults = new AtomicInteger();

  private volatile int identifyFault = FaultInjector.NONE;
  private volatile int ioFault = FaultInjector.NONE;

  NamespaceChangeTest(String address) throws IOException {
    this.address = address;
    emulator = Emulator.open(EmulatorOptions.parse(address));
    emulator.inject(this::count);
    device = open(emulator);
  }

  private NvmeDevice open(Emulator of) throws IOException {
    DeviceOptions options = DeviceOptions.defaults().withCachePages(16);
    return NvmeDevice.open(address, new RingTransport(of), options);
  }

  private int count(int sqid, int opcode, int nsid, long slba, int blocks) {
    if (sqid != 0) {
      // Read before the command is counted: who has seen the count changes the fault.
      int fault = ioFault;
      ioCommands.incrementAndGet();
      return fault;
    }
    if (opcode == Opcode.ASYNC_EVENT_REQUEST) {
      eventRequests.incrementAndGet();
      return adminFault;
    }
    if (opcode == Opcode.IDENTIFY
        && nsid == 1
        && identifyFaults.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
      return identifyFault;
    }
    return FaultInjector.NONE;
  }

  @AfterEach
  void close() throws IOException {
    device.close();
  }

  private static MemorySegment memory(int bytes) {
    return MemorySegment.ofArray(new byte[bytes]);
  }

  private void assertChanged(ThrowingCallable operation, String what) {
    assertThatThrownBy(operation)
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("namespace 1 of " + address)
        .hasMessageContaining(what);
  }

  private boolean canUse(QueueOption option) throws IOException {
    return option != QueueOption.INTERRUPT || device.hasInterrupts();
  }

  /** After a reset or a change a namespace may not be ready: it is asked for again. */
  @Test
  void identifyThatFailsForAWhile_isDoneAgain() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      identifyFault = Status.NAMESPACE_NOT_READY;
      identifyFaults.set(3);
      emulator.changeElsewhere(1, BLOCK, device.sizeBytes() / BLOCK);
      handle.read(memory(BLOCK), 0);
      assertThat(identifyFaults).hasValue(0);
    }
  }

  @Test
  void identifyThatFailsForGood_endsTheNamespace() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      identifyFault = Status.NAMESPACE_NOT_READY | Status.DNR;
      identifyFaults.set(1);
      emulator.changeElsewhere(1, BLOCK, device.sizeBytes() / BLOCK);
      assertChanged(() -> handle.read(memory(BLOCK), 0), "may have been changed");
      assertChanged(() -> handle.read(memory(BLOCK), 0), "Namespace Not Ready");
    }
  }

  /** Nothing was in flight, and nobody had looked. */
  @ParameterizedTest
  @EnumSource(QueueOption.class)
  void idle_noOperationReachesTheDevice(QueueOption option) throws IOException {
    if (!canUse(option)) {
      return;
    }
    try (NvmeQueue queue = device.createQueue(option);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(8192)) {
      MemorySegment block = buffer.segment().asSlice(0, BLOCK);
      handle.write(block, 0);
      emulator.changeElsewhere(1, 4096, 1024);
      int before = ioCommands.get();
      buffer.segment().fill((byte) 0x22);
      AsyncIo io = new AsyncIo();
      MemorySegment[] pieces = {block, buffer.segment().asSlice(4096, BLOCK)};
      List<ThrowingCallable> operations =
          List.of(
              () -> handle.read(block, 0),
              () -> handle.write(block, 7 * BLOCK),
              () -> handle.compare(block, 0),
              () -> handle.discard(0, BLOCK),
              () -> handle.writeZeroes(0, BLOCK),
              () -> handle.verify(0, BLOCK),
              () -> handle.writeUncorrectable(0, BLOCK),
              handle::flush,
              () -> handle.read(pieces, 0),
              () -> handle.write(pieces, 0),
              () -> handle.read(io, buffer, 0, BLOCK, 0),
              () -> handle.write(io, block, 0),
              () -> handle.enqueueWrite(io, pieces, 0),
              () -> handle.flush(io),
              () -> handle.readAsync(block, 0),
              () -> handle.writeAsync(block, 0),
              handle::flushAsync,
              () -> handle.read(block),
              () -> handle.write(memory(BLOCK)));
      for (ThrowingCallable operation : operations) {
        assertChanged(operation, REFORMATTED);
      }
      assertThat(ioCommands).hasValue(before);
      assertThat(buffer.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x22);
      assertThat(handle.outstanding()).isZero();
    }
  }

  /** The queue is never idle, so that only the looks at deadlines see the event. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void busy_operationsFailSoon(boolean scheduled) throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(8 * 8192)) {
      if (scheduled) {
        handle.schedule(PriorityClass.BATCH, 200);
      }
      List<AsyncIo> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        AsyncIo io = new AsyncIo();
        assertThat(handle.read(io, buffer, i * 8192L, BLOCK, 0)).isTrue();
        all.add(io);
      }
      queue.ring();
      emulator.changeElsewhere(1, 4096, 1024);
      NvmeException thrown = null;
      long start = System.nanoTime();
      while (thrown == null && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(60)) {
        queue.poll();
        for (int i = 0; i < all.size() && thrown == null; i++) {
          AsyncIo io = all.get(i);
          try {
            if (io.isDone()) {
              io.throwIfFailed();
              handle.read(io, buffer, i * 8192L, BLOCK, 0);
            }
          } catch (NvmeException e) {
            thrown = e;
          }
        }
      }
      assertThat(thrown).hasMessageContaining(REFORMATTED);
      queue.ring();
      while (handle.outstanding() > 0) {
        queue.poll();
      }
      int after = ioCommands.get();
      assertChanged(() -> handle.read(buffer.segment().asSlice(0, BLOCK), 0), REFORMATTED);
      assertThat(ioCommands).hasValue(after);
    }
  }

  /** Whatever it has transferred, it was not what was asked for. */
  @Test
  void inFlight_failsIfItEndsAfterTheChange() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      AsyncIo io = new AsyncIo();
      handle.read(io, buffer, 0, BLOCK, 0);
      queue.ring();
      emulator.changeElsewhere(1, 4096, 1024);
      try (NvmeQueue other = device.createQueue();
          NvmeHandle otherHandle = other.createHandle()) {
        assertChanged(() -> otherHandle.read(memory(BLOCK), 0), REFORMATTED);
      }
      while (!io.isDone()) {
        queue.poll();
      }
      assertThat(Status.codes(io.status())).isEqualTo(Status.INVALID_NAMESPACE);
      assertChanged(io::throwIfFailed, REFORMATTED);
    }
  }

  @Test
  void buffered_nothingIsReadOrWrittenBack_closeTellsOnceAndEnds() throws IOException {
    int before;
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      handle.write(memory(BLOCK).fill((byte) 7), 3 * BLOCK);
      handle.read(memory(BLOCK), 3 * BLOCK);
      emulator.changeElsewhere(1, 4096, 1024);
      before = ioCommands.get();
      assertChanged(() -> handle.read(memory(BLOCK), 3 * BLOCK), REFORMATTED);
      assertChanged(() -> handle.write(memory(10), 3 * BLOCK), REFORMATTED);
      assertChanged(() -> handle.read(new MemorySegment[] {memory(10)}, 0), REFORMATTED);
      assertChanged(() -> handle.write(new MemorySegment[] {memory(10)}, 0), REFORMATTED);
      assertChanged(handle::flush, REFORMATTED);
    }
    assertThatThrownBy(device::close)
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(address)
        .hasMessageContaining("lost")
        .hasRootCauseMessage("namespace 1 of %s %s".formatted(address, REFORMATTED));
    assertThat(device.isClosed()).isTrue();
    assertThat(ioCommands).as("nothing was written back").hasValue(before);
    device.close();
  }

  @Test
  void otherChanges_areNamed() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      emulator.changeElsewhere(1, BLOCK, 4096);
      assertChanged(
          () -> handle.read(memory(BLOCK), 0),
          "was resized from 8192 to 4096 blocks of 512 bytes by another host: open it again");
    }
  }

  @Test
  void detached_isNamed() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      emulator.changeElsewhere(1, BLOCK, 0);
      assertChanged(
          () -> handle.read(memory(BLOCK), 0),
          "was detached or deleted by another host: open it again");
    }
  }

  /** An event of which nothing follows: it is cleared, so that the next one comes. */
  @Test
  void unchanged_goesOn_andTheNextChangeIsSeen() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      for (int i = 0; i < 10; i++) {
        emulator.changeElsewhere(1, BLOCK, 8192);
        handle.read(memory(BLOCK), 0);
      }
      emulator.changeElsewhere(1, 4096, 1024);
      assertChanged(() -> handle.read(memory(BLOCK), 0), REFORMATTED);
    }
  }

  @Test
  void ownFormat_isNoChangeByAnotherHost() throws IOException {
    for (int blockBytes : new int[] {4096, BLOCK, 4096}) {
      device.format(blockBytes);
      try (NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        handle.write(memory(blockBytes).fill((byte) 5), blockBytes);
        MemorySegment read = memory(blockBytes);
        handle.read(read, blockBytes);
        assertThat(read.toArray(ValueLayout.JAVA_BYTE)).containsOnly(5);
      }
    }
  }

  /** A reset forgets requests and events, and what happens before it is over, nobody tells. */
  @Test
  void reset_asksAgain_andLooksForWhatWasMissed() throws IOException {
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      reset(handle, () -> {});
      handle.read(memory(BLOCK), 0);
      assertThat(eventRequests).hasValueGreaterThan(3);
      emulator.changeElsewhere(1, 4096, 1024);
      assertChanged(() -> handle.read(memory(BLOCK), 0), REFORMATTED);
    }
  }

  @Test
  void reset_findsWhatHasChangedMeanwhile() throws IOException {
    try (NvmeQueue queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle()) {
      reset(handle, () -> emulator.changeElsewhere(1, 4096, 1024));
      assertChanged(() -> handle.read(memory(BLOCK), 0), REFORMATTED);
    }
  }

  private void reset(NvmeHandle handle, Runnable meanwhile) throws IOException {
    try (DmaBuffer buffer = device.allocate(4096)) {
      AsyncIo io = new AsyncIo();
      ioFault = FaultInjector.FATAL;
      handle.read(io, buffer, 0, BLOCK, 0);
      handle.ring();
      while (ioCommands.get() == 0) {
        Thread.onSpinWait();
      }
      ioFault = FaultInjector.NONE;
      meanwhile.run();
      while (!io.isDone()) {
        handle.poll();
      }
      assertThat(io.status()).isNotZero();
    }
  }

  /** A controller that refuses the requests is not asked for ever. */
  @Test
  void refusedRequests_areNotRepeated() throws IOException {
    adminFault = Status.ASYNC_EVENT_LIMIT_EXCEEDED;
    eventRequests.set(0);
    Emulator refusing = Emulator.open(EmulatorOptions.parse(address));
    refusing.inject(this::count);
    try (NvmeDevice opened = open(refusing);
        NvmeQueue queue = opened.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      for (int i = 0; i < 200; i++) {
        handle.read(memory(BLOCK), 0);
      }
      assertThat(eventRequests).hasValueBetween(1, 3);
    } finally {
      adminFault = FaultInjector.NONE;
    }
  }
}
