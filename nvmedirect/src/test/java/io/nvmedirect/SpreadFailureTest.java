package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * An operation of several parts, one of which cannot be posted: it was never begun, or it ends with an error.
 * Nothing stays counted or taken, so that the handle closes.
 */
@Tag("emulator")
@Timeout(600)
class SpreadFailureTest {

  /** Not a limit of speed: it ends a test that hangs. */
  private static final long STUCK_S = 120;

  private static final int PART_BYTES = 8192;
  private static final int PARTS = 3;
  private static final int BYTES = PARTS * PART_BYTES;

  enum Thrown {
    IO_EXCEPTION,
    RUNTIME_EXCEPTION,
    OUT_OF_MEMORY,
    NO_CLASS;

    void raise() throws IOException {
      switch (this) {
        case IO_EXCEPTION -> throw new NvmeException("made by a test");
        case RUNTIME_EXCEPTION -> throw new IllegalStateException("made by a test");
        case OUT_OF_MEMORY -> throw new OutOfMemoryError("made by a test");
        case NO_CLASS -> throw new NoClassDefFoundError("made by a test");
      }
    }
  }

  /** Maps so many times, throws once, and goes on. */
  private static final class ThrowingMapper implements DmaMapper {
    private final DmaMapper mapper;
    private final Set<Long> mapped = new HashSet<>();
    private @Nullable Thrown next;
    private int left;

    ThrowingMapper(Emulator emulator) {
      this.mapper = emulator.dma();
    }

    synchronized void throwAfter(int mappings, Thrown thrown) {
      left = mappings;
      next = thrown;
    }

    synchronized boolean hasThrown() {
      return next == null;
    }

    @Override
    public boolean canMap(MemorySegment memory) {
      return mapper.canMap(memory);
    }

    @Override
    public synchronized long map(MemorySegment memory) throws IOException {
      Thrown thrown = next;
      if (thrown != null && left-- == 0) {
        next = null;
        thrown.raise();
      }
      long iova = mapper.map(memory);
      mapped.add(iova);
      return iova;
    }

    @Override
    public synchronized void unmap(long iova) {
      assertThat(mapped.remove(iova)).isTrue();
      mapper.unmap(iova);
    }
  }

  /** A device with two queues and a handle over both. */
  private static final class Subject {
    final ThrowingMapper mapper;
    final NvmeDevice device;
    final NvmeQueue first;
    final NvmeQueue second;
    final NvmeQueue foreign;
    final NvmeHandle handle;
    final DmaBuffer buffer;
    final AtomicInteger callbacks = new AtomicInteger();
    final AsyncIo operation = new AsyncIo(_ -> callbacks.incrementAndGet());

    /** What the selector does before it chooses; null again when it has. */
    private volatile @Nullable Choice choice;

    Subject(QueueOption... options) throws IOException {
      Emulator emulator = FaultyDevice.emulator("mem:1MiB?lba=4096&mdts=8KiB");
      mapper = new ThrowingMapper(emulator);
      device = FaultyDevice.withDma(emulator, mapper, DeviceOptions.defaults());
      first = device.createQueue(options);
      second = device.createQueue(options);
      foreign = device.createQueue();
      handle = device.createHandle(List.of(first, second), (_, _, at, _) -> choose(at));
      buffer = device.allocate(BYTES);
    }

    private NvmeQueue choose(long position) {
      NvmeQueue usual = position / PART_BYTES % 2 == 0 ? first : second;
      Choice other = choice;
      return other == null ? usual : other.choose(position, usual);
    }

    void choice(@Nullable Choice other) {
      choice = other;
    }

    void awaitEnd() throws Exception {
      within(
          "the operation ends",
          () -> {
            while (operation.isInFlight() || handle.outstanding() > 0) {
              int _ = handle.poll();
            }
          });
    }

    /** The operation has ended, the handle works as before, and everything closes. */
    void checkAndClose() throws Exception {
      awaitEnd();
      assertThat(buffer.isInUse()).isFalse();
      choice(null);
      for (int round = 0; round < 2; round++) {
        byte[] data = TestData.random(round, BYTES);
        TestData.fill(buffer.segment(), data);
        int before = callbacks.get();
        assertThat(handle.write(operation, buffer.segment(), 0)).isTrue();
        awaitEnd();
        assertThat(operation.status()).isZero();
        assertThat(callbacks.get()).isEqualTo(before + 1);
        MemorySegment read = MemorySegment.ofArray(new byte[BYTES]);
        handle.read(read, 0);
        assertThat(TestData.bytes(read)).isEqualTo(data);
      }
      within("the handle closes", handle::close);
      buffer.close();
      first.close();
      second.close();
      foreign.close();
      device.close();
      assertThat(mapper.mapped).isEmpty();
    }
  }

  private interface Choice {
    @SuppressWarnings("NullAway") // what a selector must not return
    NvmeQueue choose(long position, NvmeQueue usual);
  }

  private static void within(String what, Runnable action) throws Exception {
    FutureTask<?> task = new FutureTask<>(action, null);
    Thread thread = Thread.ofPlatform().daemon().start(task);
    thread.join(TimeUnit.SECONDS.toMillis(STUCK_S));
    assertThat(thread.isAlive())
        .as(() -> what + ": stuck in " + List.of(thread.getStackTrace()))
        .isFalse();
    Object _ = task.get();
  }

  private static void checkNotBegun(Subject subject) {
    assertThat(subject.operation.isInFlight()).isFalse();
    assertThat(subject.operation.isDone()).isFalse();
    assertThat(subject.handle.outstanding()).isZero();
    assertThat(subject.first.inFlight() + subject.second.inFlight()).isZero();
    assertThat(subject.callbacks).hasValue(0);
    assertThat(subject.buffer.isInUse()).isFalse();
  }

  @Test
  void selectorThrows_atTheSecondPart_nothingHasBegun() throws Exception {
    for (Throwable thrown :
        List.of(new IllegalStateException("made by a test"), new OutOfMemoryError("made by it"))) {
      Subject subject = new Subject(QueueOption.MANUAL_COMPLETION);
      subject.choice((position, usual) -> {
        if (position > 0) {
          throwUnchecked(thrown);
        }
        return usual;
      });
      assertThat(catchThrowable(() -> post(subject, subject.buffer.segment()))).isSameAs(thrown);
      checkNotBegun(subject);
      subject.checkAndClose();
    }
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  @SuppressWarnings("NullAway") // what a selector must not return
  void selectorChoosesAnotherQueue_atTheSecondPart_nothingHasBegun(boolean none) throws Exception {
    Subject subject = new Subject(QueueOption.MANUAL_COMPLETION);
    NvmeQueue chosen = none ? null : subject.foreign;
    subject.choice((position, usual) -> position > 0 ? chosen : usual);
    assertThat(catchThrowable(() -> post(subject, subject.buffer.segment())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(none ? "null" : "queue " + subject.foreign.id());
    checkNotBegun(subject);
    subject.checkAndClose();
  }

  /** What becomes of the caller's array while the selector chooses. */
  enum Change {
    SHORTER,
    NULL,
    CONFINED
  }

  @ParameterizedTest
  @EnumSource(Change.class)
  @SuppressWarnings("NullAway") // what an array of segments must not have
  void segmentsChange_atTheSecondPart_nothingHasBegun(Change change) throws Exception {
    try (Arena confined = Arena.ofConfined()) {
      Subject subject = new Subject();
      MemorySegment all = subject.buffer.segment();
      MemorySegment other =
          switch (change) {
            case SHORTER -> all.asSlice(0, 4096);
            case NULL -> null;
            case CONFINED -> confined.allocate(BYTES - 4096, 4096);
          };
      MemorySegment[] memory = {all.asSlice(0, 4096), all.asSlice(4096)};
      subject.choice((position, usual) -> {
        if (position > 0) {
          memory[1] = other;
        }
        return usual;
      });
      assertThat(catchThrowable(() -> post(subject, memory))).isInstanceOf(RuntimeException.class);
      checkNotBegun(subject);
      subject.checkAndClose();
    }
  }

  /** No bounce buffer can be made for a part; those before it are on their way. */
  @ParameterizedTest
  @EnumSource(Thrown.class)
  void postThrows_atAnyPart_operationEndsWithAnError(Thrown thrown) throws Exception {
    for (int posted = 0; posted < PARTS; posted++) {
      boolean segments = posted == 2;
      Subject subject = segments ? new Subject() : new Subject(QueueOption.MANUAL_COMPLETION);
      subject.mapper.throwAfter(posted, thrown);
      MemorySegment memory = MemorySegment.ofArray(new byte[BYTES]);
      MemorySegment[] pieces =
          segments
              ? new MemorySegment[] {memory.asSlice(0, 100), memory.asSlice(100)}
              : new MemorySegment[] {memory};
      // An OutOfMemoryError that gets through would end all of the tests.
      assertThat(catchThrowable(() -> post(subject, pieces))).isNull();
      assertThat(subject.mapper.hasThrown()).isTrue();
      subject.awaitEnd();
      assertThat(subject.operation.status()).isEqualTo(Status.HOST_PATHING_ERROR);
      assertThat(subject.callbacks).hasValue(1);
      subject.checkAndClose();
    }
  }

  private static void post(Subject subject, MemorySegment... memory) throws IOException {
    if (memory.length == 1) {
      assertThat(subject.handle.write(subject.operation, memory[0], 0)).isTrue();
    } else {
      assertThat(subject.handle.write(subject.operation, memory, 0)).isTrue();
    }
  }

  private static void throwUnchecked(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) thrown;
  }
}
