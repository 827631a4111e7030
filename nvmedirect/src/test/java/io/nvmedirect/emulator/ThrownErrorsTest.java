package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static io.nvmedirect.emulator.RawHost.read;
import static io.nvmedirect.emulator.RawHost.write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Errors that are thrown in the midst of a command: it fails, and the controller goes on. */
@Tag("emulator")
@Timeout(120)
class ThrownErrorsTest {

  private static final int ENABLED = 1;
  private static final int FATAL = 2;
  private static final int SHUTDOWN = 1 << 14;

  @TempDir Path directory;

  enum Thrown {
    OUT_OF_MEMORY,
    STACK_OVERFLOW,
    NO_CLASS;

    Error make() {
      return switch (this) {
        case OUT_OF_MEMORY -> new OutOfMemoryError("made by a test");
        case STACK_OVERFLOW -> new StackOverflowError();
        case NO_CLASS -> new NoClassDefFoundError("made by a test");
      };
    }
  }

  /** Media that throws what it is told to, once. */
  private static final class ThrowingMedia implements Media {
    final AtomicReference<@Nullable Error> next = new AtomicReference<>();
    private final MemoryMedia memory;

    ThrowingMedia() throws IOException {
      memory = MemoryMedia.allocate(1 << 20);
    }

    private void call() {
      Error error = next.getAndSet(null);
      if (error != null) {
        throw error;
      }
    }

    @Override
    public long sizeBytes() {
      return memory.sizeBytes();
    }

    @Override
    public void read(long position, MemorySegment to, long offset, long lengthBytes) {
      call();
      memory.read(position, to, offset, lengthBytes);
    }

    @Override
    public void write(long position, MemorySegment from, long offset, long lengthBytes) {
      call();
      memory.write(position, from, offset, lengthBytes);
    }

    @Override
    public void discard(long position, long lengthBytes) throws IOException {
      call();
      memory.discard(position, lengthBytes);
    }

    @Override
    public void flush() {
      call();
    }

    @Override
    public void close() {
      memory.close();
    }
  }

  private static RawHost start(ThrowingMedia media, String mode) throws IOException {
    EmulatorOptions options = EmulatorOptions.parse("mem:1MiB?mode=" + mode);
    RawHost host = new RawHost(Emulator.open(options, media, "throwing"));
    host.enable(16);
    host.createQueue(1, 16, 1);
    return host;
  }

  private static Stream<Arguments> cases() {
    return Stream.of("inline", "thread")
        .flatMap(mode -> Stream.of(Thrown.values()).map(thrown -> Arguments.of(mode, thrown)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void command_fails_andTheNextOneIsExecuted(String mode, Thrown thrown) throws IOException {
    ThrowingMedia media = new ThrowingMedia();
    try (RawHost host = start(media, mode)) {
      RawHost.Buffer data = host.buffer(4096);
      RawHost.Command[] commands = {
        read(1, 0, 1, data),
        write(1, 0, 1, data),
        command(0).nsid(1),
        command(5).nsid(1).blocks(0, 1).data(data),
        command(8).nsid(1).blocks(0, 1)
      };
      for (RawHost.Command command : commands) {
        media.next.set(thrown.make());
        assertThat(host.io().status(command)).isEqualTo(Status.INTERNAL_ERROR);
        host.checkWorks();
      }
      media.next.set(thrown.make());
      assertThat(host.admin().status(command(0x80).nsid(1))).as("Format").isEqualTo(6);
      host.checkWorks();
      assertThat(host.device.defect()).isNull();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void injector_isPartOfTheCommand(String mode, Thrown thrown) throws IOException {
    try (RawHost host = RawHost.start("mem:1MiB?mode=" + mode)) {
      AtomicReference<@Nullable Error> next = new AtomicReference<>();
      host.device.inject((sqid, opcode, nsid, slba, blocks) -> {
        Error error = next.getAndSet(null);
        if (error != null) {
          throw error;
        }
        return FaultInjector.NONE;
      });
      next.set(thrown.make());
      assertThat(host.io().status(command(0).nsid(1))).isEqualTo(Status.INTERNAL_ERROR);
      next.set(thrown.make());
      RawHost.Buffer page = host.buffer(4096);
      assertThat(host.admin().status(command(6).cdw(10, 1).data(page))).isEqualTo(6);
      host.checkWorks();
    }
  }

  /** A register that cannot be acted on is a fatal status, and a reset helps. */
  @ParameterizedTest
  @MethodSource("cases")
  void shutdown_fails_andTheHostIsTold(String mode, Thrown thrown) throws IOException {
    ThrowingMedia media = new ThrowingMedia();
    try (RawHost host = start(media, mode)) {
      media.next.set(thrown.make());
      host.device.write32(RawHost.CC, RawHost.ENABLE | SHUTDOWN);
      host.awaitStatus(ENABLED | FATAL | 1 << 2);
      host.disable();
      host.enable(16);
      host.createQueue(1, 16, 1);
      host.checkWorks();
      Thread thread = host.device.deviceThread();
      assertThat(thread == null || thread.isAlive()).isTrue();
    }
  }

  /** What the thread could not foresee, in the midst of its work: an interrupt that cannot be signalled. */
  @ParameterizedTest
  @EnumSource(Thrown.class)
  void engine_fails_andTheHostIsTold(Thrown thrown) throws IOException {
    DoorbellPage page = new DoorbellPage();
    EmulatorOptions options = EmulatorOptions.parse("mem:1MiB?mode=thread");
    try (Subsystem subsystem = Subsystem.open(options, Clock.SYSTEM)) {
      Traits traits = Traits.of(options);
      Interrupts interrupts =
          new Interrupts(vector -> {
            throw thrown.make();
          });
      RegisterFile registers = new RegisterFile(traits, interrupts);
      Iommu iommu = new Iommu();
      EmulatedController controller =
          new EmulatedController(
              subsystem, traits, subsystem.namespaces(), registers, interrupts, iommu, page);
      DeviceThread engine = new DeviceThread(controller, page, Clock.SYSTEM);
      engine.start();
      try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofShared()) {
        MemorySegment queues = arena.allocate(8192, 4096);
        long iova = iommu.map(queues);
        registers.write32(RawHost.AQA, 1 << 16 | 1);
        registers.write32(RawHost.ASQ, (int) iova);
        registers.write32(RawHost.ASQ + 4, (int) (iova >>> 32));
        registers.write32(RawHost.ACQ, (int) iova + 4096);
        registers.write32(RawHost.ACQ + 4, (int) (iova >>> 32));
        registers.write32(RawHost.CC, RawHost.ENABLE);
        engine.registerWritten(RawHost.CC, RawHost.ENABLE);
        RawHost.await("CSTS.RDY", () -> registers.status() == ENABLED);
        engine.doorbell(0).ring(1); // an invalid command, whose completion signals
        RawHost.await("CSTS.CFS", () -> (registers.status() & FATAL) != 0);
        registers.write32(RawHost.CC, RawHost.ENABLE & ~1);
        engine.registerWritten(RawHost.CC, RawHost.ENABLE & ~1);
        RawHost.await("the reset", () -> registers.status() == 0);
        assertThat(engine.thread().isAlive()).isTrue();
      } finally {
        engine.close();
      }
    }
  }

  /** Memory of the host's own that somebody takes away: SIGBUS. */
  @ParameterizedTest
  @ValueSource(strings = {"inline", "thread"})
  void hostMemoryGone_isADataTransferError(String mode) throws IOException {
    try (RawHost host = RawHost.start("mem:1MiB?mode=" + mode);
        GonePage memory = GonePage.map(directory.resolve("memory"))) {
      long iova = host.device.dma().map(memory.segment());
      memory.vanish();
      assertThat(host.io().status(command(1).nsid(1).blocks(0, 1).prp(iova, 0)))
          .isEqualTo(Status.DATA_TRANSFER_ERROR);
      assertThat(host.io().status(command(2).nsid(1).blocks(0, 1).prp(iova, 0)))
          .isEqualTo(Status.DATA_TRANSFER_ERROR);
      host.checkWorks();
    }
  }

  @Test
  void forwarding_errorInTheDevice_failsTheCommand() throws IOException {
    StalledDevice device = new StalledDevice();
    try (Subsystem subsystem = Subsystem.over(device, "stalled");
        PolledController host = new PolledController(subsystem, 1)) {
      host.enable();
      host.createQueues();
      device.next = new OutOfMemoryError("made by a test");
      host.postRead(1);
      host.ring(1);
      host.poll();
      assertThat(host.status(1, 0)).isEqualTo(Status.INTERNAL_ERROR);
      for (int i = 0; i < StalledDevice.SLOTS - 1; i++) {
        host.postRead(1);
      }
      host.ring(1);
      host.poll();
      device.mayComplete = StalledDevice.SLOTS - 1;
      host.pollUntilIdle();
      assertThat(host.status(1, StalledDevice.SLOTS - 1)).isZero();
    }
  }
}
