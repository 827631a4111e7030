package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.HandleOption;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.emulator.Subsystem;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server whose blocks are another controller's: the way through the driver. */
@Timeout(300)
class ForwardedDeviceTest {

  private static final int BYTES = 4096;
  private static final int DEPTH = 16;

  @TempDir Path directory;
  private Path socket;
  private Emulator disk;
  private HeldDevice held;
  private Clients clients;
  private ServerThread thread;

  @BeforeEach
  void serve() throws IOException {
    socket = directory.resolve("socket");
    disk = Emulator.open(EmulatorOptions.parse("mem:8MiB?ns=2"));
    held = new HeldDevice(ForwardedDevice.open(new RingTransport(disk), "disk", 0));
    Subsystem subsystem = Subsystem.over(held, "disk");
    clients = new Clients(subsystem, Subsystem.Limits.NONE, RegionLimit.DEFAULT);
    thread = new ServerThread(subsystem, clients);
    thread.start();
    clients.add(Listener.open(socket));
  }

  @AfterEach
  void close() throws IOException {
    held.holdUntil(() -> true);
    thread.close();
  }

  private NvmeDevice open() throws IOException {
    return NvmeDevice.open("vfio-user:" + socket);
  }

  private static MemorySegment memory(int value) {
    return MemorySegment.ofArray(new byte[BYTES]).fill((byte) value);
  }

  private static byte[] read(NvmeHandle handle, long position, int bytes) throws IOException {
    byte[] data = new byte[bytes];
    handle.read(MemorySegment.ofArray(data), position);
    return data;
  }

  private static void assertStatus(int status, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            NvmeException.class, e -> assertThat(Status.codes(e.status())).isEqualTo(status));
  }

  @Test
  void commands_reachTheDevice() throws IOException {
    byte[] random = new byte[1 << 20];
    new Random(1).nextBytes(random);
    try (NvmeDevice device = open();
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      assertThat(device.namespaceIds()).containsExactly(1, 2);
      handle.write(MemorySegment.ofArray(random), BYTES);
      assertThat(read(handle, BYTES, random.length)).isEqualTo(random);
      assertThat(handle.compare(MemorySegment.ofArray(random), BYTES)).isTrue();
      assertThat(handle.compare(memory(1), 0)).isFalse();
      handle.flush();
      assertThat(held.last(Opcode.FLUSH).namespace()).isEqualTo(1);
      handle.write(memory(1), 0);
      handle.discard(0, BYTES);
      assertThat(held.count(Opcode.DATASET_MANAGEMENT)).isEqualTo(1);
      assertThat(read(handle, 0, BYTES)).containsOnly(0);
      handle.write(memory(1), 0);
      handle.writeZeroes(0, BYTES);
      assertThat(held.count(Opcode.WRITE_ZEROES)).isEqualTo(1);
      assertThat(read(handle, 0, BYTES)).containsOnly(0);
    }
  }

  /** Nobody can be refused: each client's I/O fails until it has opened the device again. */
  @Test
  void changeByTheOwnerOfTheDevice_isToldToAllClients() throws IOException {
    Path second = directory.resolve("second");
    Path third = directory.resolve("third");
    clients.add(Listener.open(second));
    clients.add(Listener.open(third));
    try (NvmeDevice one = open();
        NvmeQueue queue = one.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = one.allocate(8192);
        NvmeDevice two = NvmeDevice.open("vfio-user:" + second);
        NvmeQueue twoQueue = two.createQueue();
        NvmeHandle twoHandle = twoQueue.createHandle();
        NvmeDevice other = NvmeDevice.open("vfio-user:" + third + "?ns=2");
        NvmeQueue otherQueue = other.createQueue();
        NvmeHandle otherHandle = otherQueue.createHandle()) {
      MemorySegment memory = buffer.segment();
      handle.write(memory.asSlice(0, 512).fill((byte) 1), 0);
      otherHandle.write(memory(3), 0);
      disk.changeElsewhere(1, 4096, 1024);
      memory.fill((byte) 0x22);
      awaitChange(handle, () -> handle.read(memory.asSlice(0, 512), 0));
      awaitChange(twoHandle, () -> twoHandle.write(memory.asSlice(0, 512), 7 * 512));
      assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x22);
      assertThat(read(otherHandle, 0, BYTES)).as("the other namespace").containsOnly(3);
    }
    try (NvmeDevice again = open();
        NvmeQueue queue = again.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      assertThat(again.blockBytes()).isEqualTo(4096);
      assertThat(again.sizeBytes()).isEqualTo(1024 * 4096L);
      byte[] kept = read(handle, 0, 1 << 20);
      assertThat(Arrays.copyOf(kept, 512)).as("written before").containsOnly(1);
      assertThat(Arrays.copyOfRange(kept, 512, kept.length)).as("nothing since").containsOnly(0);
      handle.write(memory(5), 0);
      assertThat(read(handle, 0, BYTES)).containsOnly(5);
      disk.changeElsewhere(1, 512, 0);
      awaitFailure(() -> handle.read(memory(0), 0), "was detached or deleted by another host");
    }
  }

  private static void awaitChange(NvmeHandle handle, ThrowingCallable operation) {
    awaitFailure(
        operation, "was reformatted from 512-byte to 4096-byte blocks by another host: open it");
    assertThat(handle.outstanding()).isZero();
  }

  /** Each of them fails, and at last by the event of the client's own controller. */
  private static void awaitFailure(ThrowingCallable operation, String message) {
    long start = System.nanoTime();
    Throwable thrown;
    do {
      thrown = catchThrowable(operation);
      assertThat(thrown).isInstanceOf(NvmeException.class);
    } while (!String.valueOf(thrown.getMessage()).contains(message)
        && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(60));
    assertThat(thrown).hasMessageContaining(message);
  }

  @Test
  void forcedUnitAccess_isPassedOn() throws IOException {
    try (NvmeDevice device = open();
        NvmeQueue queue = device.createQueue();
        NvmeHandle plain = queue.createHandle();
        NvmeHandle forced = queue.createHandle(HandleOption.FORCE_UNIT_ACCESS)) {
      plain.write(memory(1), 0);
      assertThat(held.last(Opcode.WRITE).flags()).isZero();
      forced.write(memory(2), 0);
      assertThat(held.last(Opcode.WRITE).flags()).isEqualTo(Sqe.FUA);
      plain.writeZeroes(0, BYTES);
      assertThat(held.last(Opcode.WRITE_ZEROES).flags()).isZero();
      forced.writeZeroes(0, BYTES);
      assertThat(held.last(Opcode.WRITE_ZEROES).flags()).isEqualTo(Sqe.FUA);
    }
  }

  @Test
  void statusOfTheDevice_reachesTheClient() throws IOException {
    disk.inject((sqid, opcode, nsid, slba, blocks) ->
        sqid == 0
            ? FaultInjector.NONE
            : switch (opcode) {
              case Opcode.READ -> Status.UNRECOVERED_READ_ERROR | Status.DNR;
              case Opcode.WRITE -> Status.CAPACITY_EXCEEDED | Status.DNR;
              case Opcode.FLUSH -> Status.WRITE_FAULT | Status.DNR;
              default -> FaultInjector.NONE;
            });
    try (NvmeDevice device = open();
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      assertStatus(Status.UNRECOVERED_READ_ERROR, () -> read(handle, 0, BYTES));
      assertStatus(Status.CAPACITY_EXCEEDED, () -> handle.write(memory(1), 0));
      assertStatus(Status.WRITE_FAULT, handle::flush);
      disk.inject(null);
      handle.write(memory(3), 0);
      assertThat(read(handle, 0, BYTES)).containsOnly(3);
    }
  }

  @Test
  void shutdown_flushesEachNamespace() throws IOException {
    try (NvmeDevice device = open();
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      handle.write(memory(1), 0);
      assertThat(held.count(Opcode.FLUSH)).isZero();
    }
    assertThat(held.count(Opcode.FLUSH)).isEqualTo(2);
  }

  @Test
  void shutdown_flushFails_isToldToTheClient() throws IOException {
    NvmeDevice device = open();
    disk.inject((sqid, opcode, nsid, slba, blocks) ->
        sqid != 0 && opcode == Opcode.FLUSH ? Status.WRITE_FAULT | Status.DNR : FaultInjector.NONE);
    assertThatThrownBy(device::close).isInstanceOf(NvmeException.class);
    disk.inject(null);
    open().close();
  }

  /** The client takes too long for its own patience, and resets the controller; the commands end first. */
  @Test
  void controllerReset_waitsForWhatIsInFlight() throws Exception {
    DeviceOptions impatient = DeviceOptions.defaults().withCommandTimeout(Duration.ofSeconds(2));
    try (NvmeDevice device = NvmeDevice.open("vfio-user:" + socket, impatient);
        NvmeQueue queue = device.createQueue(DEPTH);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(BYTES)) {
      held.holdUntil(() -> !clients.connections().getFirst().controller().mayBeRung());
      AsyncIo[] operations = new AsyncIo[DEPTH];
      for (int i = 0; i < DEPTH; i++) {
        operations[i] = new AsyncIo();
        assertThat(handle.write(operations[i], buffer, 0, BYTES, (long) i * BYTES)).isTrue();
      }
      for (AsyncIo operation : operations) {
        while (!operation.isDone()) {
          queue.poll();
        }
        assertThat(Status.codes(operation.status())).isEqualTo(Status.ABORTED_BY_HOST);
      }
      held.holdUntil(() -> true);
      handle.write(memory(4), 0);
      assertThat(read(handle, 0, BYTES)).containsOnly(4);
    }
  }

  /** A look at deadlines aborts a command, which the disk does not answer for long. */
  @Test
  void deviceThatHangs_holdsUpNoMessages() throws Exception {
    CountDownLatch aborting = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Emulator hanging = Emulator.open(EmulatorOptions.parse("mem:8MiB"));
    Subsystem subsystem =
        Subsystem.over(
            ForwardedDevice.open(new RingTransport(hanging), "disk", 0, Duration.ofMillis(200)),
            "disk");
    Clients others = new Clients(subsystem, Subsystem.Limits.NONE, RegionLimit.DEFAULT);
    ServerThread server = new ServerThread(subsystem, others);
    server.start();
    Path path = directory.resolve("hanging");
    others.add(Listener.open(path));
    hanging.inject((sqid, opcode, nsid, slba, blocks) -> {
      if (sqid == 0 && opcode == Opcode.ABORT) {
        aborting.countDown();
        await(goOn);
      }
      return sqid != 0 && opcode == Opcode.WRITE ? FaultInjector.DROP : FaultInjector.NONE;
    });
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(path, file)) {
      host.enable();
      host.createQueues();
      host.write(0, 0);
      host.ring(2, 1);
      aborting.await();
      for (int i = 0; i < 100; i++) {
        assertThat(host.client.readInt(0, 8)).isPositive();
      }
      goOn.countDown();
      host.awaitIoCompletion(0);
      assertThat(Status.codes(host.ioStatus(0))).isEqualTo(Status.ABORT_REQUESTED);
    } finally {
      goOn.countDown();
      server.close();
    }
  }

  private static int await(CountDownLatch latch) {
    try {
      latch.await();
      return 0;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void functionReset_withWritesInFlight_holdsUpNobody() throws Exception {
    AtomicBoolean may = new AtomicBoolean();
    held.holdUntil(may::get);
    Path second = directory.resolve("second");
    clients.add(Listener.open(second));
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(socket, file);
        RawClient other = RawClient.greet(second)) {
      host.enable();
      host.createQueues();
      host.write(0, 0);
      host.ring(2, 1);
      Served.await("the write has begun", () -> held.count(Opcode.WRITE) == 1);
      host.client.succeed(Message.DEVICE_RESET, ByteBuffer.allocate(0));
      assertThat(host.client.readInt(0, 0x1c)).as("CSTS").isZero();
      assertThat(other.readInt(0, 8)).isPositive();
      may.set(true);
      host.enable();
    }
  }

  /** Waiting for the disk is no reason to use a CPU. */
  @Test
  void controllerReset_waitsAsleep() throws Exception {
    AtomicBoolean may = new AtomicBoolean();
    held.holdUntil(may::get);
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(socket, file)) {
      host.enable();
      host.createQueues();
      host.write(0, 0);
      host.ring(2, 1);
      Served.await("the write has begun", () -> held.count(Opcode.WRITE) == 1);
      host.client.writeInt(0, 0x14, 0);
      String name = thread.thread().getName();
      Served.await(
          "it uses less than a fifth of a CPU",
          () -> {
            long beforeNs = System.nanoTime();
            long cpuNs = Served.cpuNs(name);
            Thread.sleep(500);
            return (Served.cpuNs(name) - cpuNs) * 5 < System.nanoTime() - beforeNs;
          });
      assertThat(host.client.readInt(0, 0x1c)).as("CSTS").isEqualTo(1);
      may.set(true);
      Served.await("the controller is disabled", () -> host.client.readInt(0, 0x1c) == 0);
    }
  }

  @Test
  void serverThatFails_saysWhy() throws Exception {
    held.holdUntil(() -> {
      throw new LinkageError("made by a test");
    });
    CompletableFuture<?> ended = thread.ended().toCompletableFuture();
    assertThat(ended).isNotDone();
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(socket, file)) {
      host.enable();
      host.createQueues();
      host.write(0, 0);
      host.ring(2, 1);
      assertThat(host.client.isDisconnected()).isTrue();
    }
    held.holdUntil(() -> true);
    ended.join();
    assertThatThrownBy(thread::close)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("the server has failed")
        .hasMessageContaining("made by a test");
    assertThat(socket).doesNotExist();
    serve(); // so that there is one to close
  }

  /** What its commands have begun is done before the next client is there. */
  @Test
  void clientGone_withWritesInFlight_theyEndBeforeTheNextOneComes() throws Exception {
    AtomicReference<@Nullable Connection> first = new AtomicReference<>();
    held.holdUntil(() -> {
      List<Connection> now = clients.connections();
      Connection host = first.get();
      if (host == null && !now.isEmpty()) {
        first.set(now.getFirst());
      }
      return host != null && !now.contains(host);
    });
    try (NativeFile file = NativeFile.inMemory("client", MappedHost.BYTES);
        MappedHost host = new MappedHost(socket, file)) {
      host.enable();
      host.createQueues();
      host.data().fill((byte) 9);
      for (int i = 0; i < DEPTH; i++) {
        host.write(i, 8L * i);
      }
      host.ring(2, DEPTH);
      Served.await("the writes have begun", () -> held.count(Opcode.WRITE) == DEPTH);
    }
    try (NvmeDevice device = open();
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      assertThat(read(handle, 0, DEPTH * BYTES)).containsOnly(9);
      handle.write(memory(1), 0);
      assertThat(read(handle, 0, BYTES)).containsOnly(1);
    }
  }

  /** There is no memory for a moment: what was to be done is done later, and nobody is disconnected. */
  @Test
  void outOfMemory_theServerGoesOn() throws IOException {
    AtomicReference<@Nullable Error> next = new AtomicReference<>();
    held.holdUntil(() -> {
      Error error = next.getAndSet(null);
      if (error != null) {
        throw error;
      }
      return true;
    });
    try (NvmeDevice device = open();
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      for (int i = 1; i <= 3; i++) {
        next.set(new OutOfMemoryError("made by a test"));
        handle.write(memory(i), 0);
        assertThat(next.get()).as("it was thrown").isNull();
        assertThat(read(handle, 0, BYTES)).containsOnly(i);
      }
    }
    try (NvmeDevice second = open()) {
      assertThat(second.namespaceIds()).containsExactly(1, 2);
    }
    assertThat(thread.thread().isAlive()).isTrue();
  }

  /** Who is told of the first command throws: the others are told all the same. */
  @Test
  void poll_listenerThrows_theOthersAreTold() throws IOException {
    try (Emulator other = Emulator.open(EmulatorOptions.parse("mem:8MiB"))) {
      ForwardedDevice device = ForwardedDevice.open(new RingTransport(other), "other", 0);
      List<Integer> told = new ArrayList<>();
      for (int slot = 0; slot < DEPTH; slot++) {
        device.begin(slot, Opcode.READ, 1, 0, slot, 1);
      }
      assertThatThrownBy(() ->
              device.poll((slot, status) -> {
                told.add(slot);
                throw new InternalError("made by a test");
              }))
          .isInstanceOf(InternalError.class);
      assertThat(told).hasSize(1);
      assertThat(device.poll((slot, status) -> told.add(slot))).isEqualTo(DEPTH - 1);
      assertThat(told).doesNotHaveDuplicates().hasSize(DEPTH);
      assertThat(device.poll((slot, status) -> told.add(slot))).isZero();
      device.close();
    }
  }

  /** Three in a row: client, server, server. */
  @Test
  void serverOfAServer_isClosedWithClients_andKeepsWhatIsWritten() throws IOException {
    Path outer = directory.resolve("outer");
    String address = "vfio-user:" + socket + "?ns=2";
    NvmeServer server = NvmeServer.open(address, ServeOptions.defaults());
    server.listen(outer);
    NvmeDevice device = NvmeDevice.open("vfio-user:" + outer);
    NvmeQueue queue = device.createQueue();
    NvmeHandle handle = queue.createHandle();
    assertThat(device.namespaceIds()).containsExactly(1);
    handle.write(memory(6), BYTES);
    server.close();
    assertThatThrownBy(() -> read(handle, 0, BYTES)).isInstanceOf(IOException.class);
    handle.close();
    queue.close();
    device.close();
    try (NvmeDevice second = NvmeDevice.open(address);
        NvmeQueue ofSecond = second.createQueue();
        NvmeHandle reader = ofSecond.createHandle()) {
      assertThat(read(reader, BYTES, BYTES)).containsOnly(6);
    }
  }
}
