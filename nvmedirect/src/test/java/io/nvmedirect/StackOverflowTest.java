package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.nvmedirect.compat.LibNvmed;
import io.nvmedirect.compat.NVMED;
import io.nvmedirect.compat.NVMED_AIO_CTX;
import io.nvmedirect.compat.NVMED_HANDLE;
import io.nvmedirect.compat.NVMED_QUEUE;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Calls close to the end of a thread's stack: each works or throws a StackOverflowError, and whatever it did,
 * nothing that it took stays taken. The calls are made from every frame of a recursion, from the last one
 * that fits on back, in two rounds.
 */
@Tag("emulator")
@Timeout(600)
class StackOverflowTest {

  private static final long LIMIT_S = Long.getLong("nvmedirect.overflow.limit", 60);

  /** Calls that work, in the frames further from the end of the stack: then all do. */
  private static final int ENOUGH = 50;

  private static final int ROUNDS = Integer.getInteger("nvmedirect.overflow.rounds", 2);
  private static final long STACK_BYTES = 256 << 10;

  /** What is called. */
  @FunctionalInterface
  interface Call {
    void run(Subject subject) throws Exception;
  }

  @SuppressWarnings("ImmutableEnumChecker") // nobody changes them
  enum Calls {
    READ(s -> s.handle.read(s.buffer.segment(), 0)),
    WRITE(s -> s.handle.write(s.buffer.segment(), 0)),
    READ_AT_POSITION(s -> {
      s.handle.seek(0, SeekOrigin.START);
      long _ = s.handle.read(s.buffer.segment());
    }),
    READ_COPIED(s -> s.handle.read(s.heap, 0)),
    WRITE_COPIED(s -> s.handle.write(s.heap, 0)),
    READ_SEGMENTS(s -> s.handle.read(s.pages(), 0)),
    WRITE_SEGMENTS(s -> s.handle.write(s.pages(), 0)),
    WRITE_SEGMENTS_COPIED(s -> s.handle.write(s.pieces(), 0)),
    FLUSH(s -> s.handle.flush()),
    DISCARD(s -> s.handle.discard(0, 8192)),
    WRITE_ZEROES(s -> s.handle.writeZeroes(0, 8192)),
    COMPARE(s -> s.handle.compare(s.heap, 8192)),
    VERIFY(s -> s.handle.verify(0, 8192)),
    BUFFERED(
        true,
        s -> {
          s.handle.write(s.heap, 100);
          s.handle.read(s.heap, 5000);
        },
        HandleOption.BUFFERED),
    BUFFERED_AND_FLUSH(
        true,
        s -> {
          s.handle.write(s.heap, 100);
          s.handle.flush();
        },
        HandleOption.BUFFERED),
    WRITE_THROUGH(
        true, s -> s.handle.write(s.heap, 100), HandleOption.BUFFERED, HandleOption.WRITE_THROUGH),
    UNALIGNED_WITHOUT_CACHE(false, s -> s.handle.write(s.heap, 100), HandleOption.BUFFERED),
    WRITE_BEHIND(true, s -> s.handle.write(s.buffer.segment(), 0), HandleOption.WRITE_BEHIND),
    WRITE_BEHIND_COPIED(
        true,
        s -> {
          s.handle.write(s.heap, 0);
          s.handle.flush();
        },
        HandleOption.WRITE_BEHIND),
    INTERRUPT(true, s -> s.handle.read(s.heap, 0), HandleOption.INTERRUPT),
    HYBRID(true, s -> s.handle.read(s.heap, 0), HandleOption.HYBRID),
    POST(s -> {
      if (!s.handle.write(s.operation(), s.buffer, 0, 4096, 0)) {
        int _ = s.queue.poll();
      }
    }),
    POST_AND_POLL(s -> {
      boolean _ = s.handle.read(s.operation(), s.heap, 0);
      int _ = s.queue.poll();
    }),
    POST_SEGMENTS_AND_RING(s -> {
      s.handle.enqueueWrite(s.operation(), s.pieces(), 0);
      s.queue.ring();
    }),
    POST_FLUSH(s -> {
      boolean _ = s.handle.flush(s.operation());
      int _ = s.queue.poll();
    }),
    FUTURE(s -> {
      var _ = s.handle.readAsync(s.heap, 0);
    }),
    MULTI_QUEUE(s -> s.spread.write(s.heap, 0)),
    MULTI_QUEUE_POST(s -> s.spread.enqueueRead(s.operation(), s.heap, 0)),
    CONFINED(s -> s.confinedHandle.write(s.heap, 0)),
    SCHEDULED(s -> {
      s.handle.schedule(PriorityClass.LATENCY, 100);
      s.handle.write(s.heap, 0);
    }),
    ADMIN(s -> {
      var _ = s.device.smart();
      var _ = s.device.namespace();
    }),
    QUEUE(s -> s.made(s.device.createQueue(8)).close()),
    HANDLE(s -> {
      NvmeHandle handle = s.queue.createHandle();
      s.made(handle);
      handle.read(s.heap, 0);
      handle.close();
    }),
    ALLOCATE(s -> s.made(s.device.allocate(8192)).close()),
    RESIZE(s -> {
      int _ = s.device.resizeCache(64);
    });

    final boolean cached;
    final Call call;
    final HandleOption[] options;

    Calls(Call call) {
      this(true, call);
    }

    Calls(boolean cached, Call call, HandleOption... options) {
      this.cached = cached;
      this.call = call;
      this.options = options;
    }
  }

  static final class Subject {
    final NvmeDevice device;
    final NvmeQueue queue;
    final NvmeQueue second;
    final NvmeHandle handle;
    final NvmeHandle spread;
    final DmaBuffer buffer;
    final MemorySegment heap = MemorySegment.ofArray(new byte[8192]);
    final List<AsyncIo> operations = new ArrayList<>();
    final NvmeQueue confined;
    final NvmeHandle confinedHandle;

    /** What calls have made: they may have had no room to close it. */
    final List<AutoCloseable> made = new ArrayList<>();

    Subject(String address, Calls calls) throws IOException {
      DeviceOptions options = DeviceOptions.defaults();
      device = NvmeDevice.open(address, calls.cached ? options : options.withCachePages(0));
      queue = device.createQueue(QueueOption.INTERRUPT);
      second = device.createQueue();
      confined = device.createQueue(QueueOption.CONFINED);
      handle = queue.createHandle(calls.options);
      spread =
          device.createHandle(
              List.of(queue, second),
              (h, opcode, position, length) -> (position >> 12 & 1) == 0 ? queue : second);
      confinedHandle = confined.createHandle();
      buffer = device.allocate(8192);
    }

    AutoCloseable made(AutoCloseable closeable) {
      made.add(closeable);
      return closeable;
    }

    MemorySegment[] pages() {
      MemorySegment all = buffer.segment();
      return new MemorySegment[] {all.asSlice(4096, 4096), all.asSlice(0, 4096)};
    }

    MemorySegment[] pieces() {
      return new MemorySegment[] {heap.asSlice(0, 1000), heap.asSlice(1000)};
    }

    AsyncIo operation() {
      AsyncIo operation = new AsyncIo();
      operations.add(operation);
      return operation;
    }

    /** The device does what it did before. */
    void check() throws IOException {
      for (NvmeHandle each : List.of(handle, spread, confinedHandle)) {
        byte[] data = TestData.random(7, 8192);
        each.write(MemorySegment.ofArray(data), 16384);
        each.flush();
        MemorySegment read = MemorySegment.ofArray(new byte[8192]);
        each.read(read, 16384);
        assertThat(TestData.bytes(read)).isEqualTo(data);
      }
      for (AsyncIo operation : operations) {
        while (operation.isInFlight()) {
          int _ = queue.poll() + second.poll();
        }
      }
    }

    void close() throws Exception {
      for (AutoCloseable closeable : made) {
        closeable.close();
      }
      confinedHandle.close();
      spread.close();
      handle.close();
      assertThat(handle.outstanding() + spread.outstanding() + confinedHandle.outstanding())
          .isZero();
      buffer.close();
      assertThat(buffer.isInUse()).isFalse();
      confined.close();
      second.close();
      queue.close();
      device.close();
    }
  }

  /** Recurses to the end of the stack, and calls from every second frame on the way back. */
  private static final class Recursion {
    private final Callable<?> call;
    private int overflows;
    private int done;
    private @Nullable Throwable failure;

    /** Whether the next frame is one to call from. */
    private boolean calls;

    /**
     * @param round odd ones call from the frames between those of even ones
     */
    Recursion(int round, Callable<?> call) {
      this.calls = (round & 1) == 0;
      this.call = call;
    }

    @SuppressWarnings("InfiniteRecursion") // to the end of the stack
    void down() {
      try {
        down();
      } catch (StackOverflowError e) {
        // Then this frame is the last that fits.
      }
      if (calls && done < ENOUGH) {
        attempt();
      }
      calls = !calls;
    }

    private void attempt() {
      try {
        Object _ = call.call();
        done++;
      } catch (StackOverflowError e) {
        overflows++;
      } catch (Throwable e) {
        if (failure == null) {
          failure = e;
        }
      }
    }
  }

  private static void within(String what, Callable<?> action) throws Exception {
    FutureTask<Object> task = new FutureTask<>(() -> action.call());
    Thread thread = Thread.ofPlatform().daemon().start(task);
    try {
      Object _ = task.get(LIMIT_S, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      AssertionError stuck = new AssertionError("stuck: " + what);
      stuck.setStackTrace(thread.getStackTrace());
      throw stuck;
    } catch (ExecutionException e) {
      throw new AssertionError(what, e.getCause());
    }
  }

  private static void recurse(Recursion recursion, boolean virtual) throws Exception {
    Thread thread =
        virtual
            ? Thread.ofVirtual().unstarted(recursion::down)
            : new Thread(null, recursion::down, "recursion", STACK_BYTES);
    thread.setDaemon(true);
    thread.start();
    if (!thread.join(Duration.ofSeconds(LIMIT_S))) {
      AssertionError stuck = new AssertionError("stuck in the recursion");
      stuck.setStackTrace(thread.getStackTrace());
      throw stuck;
    }
  }

  private static void test(String address, Calls calls, boolean virtual) throws Exception {
    Subject subject = new Subject(address, calls);
    int overflows = 0;
    int done = 0;
    for (int round = 0; round < ROUNDS; round++) {
      Recursion recursion =
          new Recursion(
              round,
              () -> {
                calls.call.run(subject);
                return null;
              });
      recurse(recursion, virtual);
      if (recursion.failure != null) {
        fail("round " + round, recursion.failure);
      }
      overflows += recursion.overflows;
      done += recursion.done;
    }
    if (Boolean.getBoolean("nvmedirect.overflow.table")) {
      System.out.printf("%s %s: %d overflows, %d done%n", address, calls, overflows, done);
    }
    within(
        "I/O",
        () -> {
          subject.check();
          return null;
        });
    within(
        "close",
        () -> {
          subject.close();
          return null;
        });
    // Posting fits in what the JVM opens behind the end for those that handle the error.
    if (calls != Calls.POST) {
      assertThat(overflows).as("calls that did not fit").isPositive();
    }
    assertThat(done).as("calls that did").isPositive();
  }

  @ParameterizedTest
  @EnumSource(Calls.class)
  void inline(Calls calls) throws Exception {
    test("mem:8MiB", calls, false);
  }

  @ParameterizedTest
  @EnumSource(
      value = Calls.class,
      names = {"READ", "WRITE_COPIED", "BUFFERED_AND_FLUSH", "WRITE_BEHIND", "POST", "FUTURE"})
  void virtualThread(Calls calls) throws Exception {
    test("mem:8MiB", calls, true);
  }

  /** The C calls, whose errors are codes: this one is thrown all the same. */
  @Test
  void compat() throws Exception {
    NVMED device = Objects.requireNonNull(LibNvmed.nvmed_open("mem:8MiB", 0));
    NVMED_QUEUE queue = Objects.requireNonNull(LibNvmed.nvmed_queue_create(device, 0));
    NVMED_HANDLE handle =
        Objects.requireNonNull(
            LibNvmed.nvmed_handle_create(
                queue, LibNvmed.HANDLE_DIRECT_IO | LibNvmed.HANDLE_SYNC_IO));
    NVMED_HANDLE buffered = Objects.requireNonNull(LibNvmed.nvmed_handle_create(queue, 0));
    MemorySegment memory = MemorySegment.ofArray(new byte[8192]);
    for (int round = 0; round < ROUNDS; round++) {
      Recursion recursion =
          new Recursion(
              round,
              () -> {
                assertThat(LibNvmed.nvmed_pwrite(handle, memory, 8192, 0)).isEqualTo(8192);
                assertThat(LibNvmed.nvmed_pread(buffered, memory, 8192, 100)).isEqualTo(8192);
                assertThat(LibNvmed.nvmed_lseek(handle, 0, LibNvmed.SEEK_SET)).isZero();
                assertThat(LibNvmed.nvmed_read(handle, memory, 8192)).isEqualTo(8192);
                assertThat(LibNvmed.nvmed_flush(buffered)).isZero();
                NVMED_AIO_CTX context = new NVMED_AIO_CTX();
                context.handle = handle;
                context.buf = memory;
                context.len = 8192;
                assertThat(LibNvmed.nvmed_aio_write(context)).isZero();
                assertThat(LibNvmed.nvmed_aio_queue_submit(handle)).isPositive();
                int _ = LibNvmed.nvmed_aio_handle_complete(handle);
                return null;
              });
      recurse(recursion, false);
      if (recursion.failure != null) {
        fail("round " + round, recursion.failure);
      }
    }
    within(
        "close",
        () -> {
          assertThat(LibNvmed.nvmed_pwrite(handle, memory, 8192, 0)).isEqualTo(8192);
          assertThat(LibNvmed.nvmed_handle_destroy(buffered)).isZero();
          assertThat(LibNvmed.nvmed_handle_destroy(handle)).isZero();
          assertThat(LibNvmed.nvmed_queue_destroy(queue)).isZero();
          assertThat(LibNvmed.nvmed_close(device)).isZero();
          return null;
        });
  }

  @ParameterizedTest
  @EnumSource(Calls.class)
  void deviceThread(Calls calls) throws Exception {
    test("mem:8MiB?mode=thread", calls, false);
  }
}
