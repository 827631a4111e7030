package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.transport.QueuePair;
import io.nvmedirect.transport.Transport;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A confined queue whose owner reaps, for it waits for a write that goes another way. Without operations the
 * queue may be closed by any thread at any moment, so that its owner must not look into it.
 */
@Tag("emulator")
@Timeout(600)
class ConfinedQueueCloseTest {

  /** Not a limit of speed: it ends a test that hangs. */
  private static final long STUCK_S = 120;

  /** How the owner waits for a write that has returned and is on its way. */
  @SuppressWarnings("ImmutableEnumChecker") // nobody changes them
  enum Wait {
    READ(handle -> handle.read(memory(), 0)),
    WRITE(handle -> handle.write(memory(), 0)),
    FLUSH(NvmeHandle::flush),
    CLOSE(NvmeHandle::close);

    private final Call call;

    Wait(Call call) {
      this.call = call;
    }
  }

  private interface Call {
    void run(NvmeHandle handle) throws IOException;
  }

  /** A queue pair that can be kept from showing its commands, and whose use can be stopped. */
  private static final class Watched implements InvocationHandler {
    private final QueuePair pair;
    final AtomicInteger rings = new AtomicInteger();
    final AtomicInteger reaps = new AtomicInteger();
    final CountDownLatch closed = new CountDownLatch(1);
    volatile boolean holdsCommands;

    /** Who rings or reaps from now on gets no further before the queue pair is closed. */
    volatile boolean stopsUntilClosed;

    Watched(QueuePair pair) {
      this.pair = pair;
    }

    @Override
    public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments)
        throws Throwable {
      String name = method.getName();
      if (name.equals("ring")) {
        rings.incrementAndGet();
        stop();
        if (holdsCommands) {
          return null;
        }
      } else if (name.equals("reap")) {
        reaps.incrementAndGet();
        stop();
      }
      Object result = call(pair, method, arguments);
      if (name.equals("close")) {
        closed.countDown();
      }
      return result;
    }

    private void stop() throws InterruptedException {
      if (stopsUntilClosed) {
        assertThat(closed.await(STUCK_S, TimeUnit.SECONDS)).isTrue();
      }
    }

    int uses() {
      return rings.get() + reaps.get();
    }
  }

  private final List<Watched> pairs = new CopyOnWriteArrayList<>();

  private static @Nullable Object call(Object target, Method method, Object @Nullable [] arguments)
      throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  private NvmeDevice open() throws IOException {
    String address = "mem:1MiB?lba=4096";
    Emulator emulator = FaultyDevice.emulator(address);
    RingTransport ring = new RingTransport(emulator);
    Transport watching =
        proxy(
            Transport.class,
            (proxy, method, arguments) -> {
              Object result = call(ring, method, arguments);
              if (method.getName().equals("openQueue")) {
                Watched watched = new Watched((QueuePair) Objects.requireNonNull(result));
                pairs.add(watched);
                return proxy(QueuePair.class, watched);
              }
              return result;
            });
    // Commands are held for as long as the test takes.
    Duration timeout = Duration.ofSeconds(2 * STUCK_S);
    return NvmeDevice.open(address, watching, DeviceOptions.defaults().withCommandTimeout(timeout));
  }

  private static MemorySegment memory() {
    return MemorySegment.ofArray(new byte[4096]);
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long begunNs = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - begunNs).as(what).isLessThan(STUCK_S * 1_000_000_000L);
      Thread.sleep(1);
    }
  }

  /** The thread that waits has looked at all queues once more, or does not get on. */
  private static void awaitTurn(Watched shared, Watched own, int uses, FutureTask<?> waiting)
      throws InterruptedException {
    int rings = shared.rings.get();
    await(
        "the owner reaps",
        () -> shared.rings.get() >= rings + 2 || own.uses() > uses || waiting.isDone());
  }

  private static void end(FutureTask<?> task) throws Exception {
    Object _ = task.get(STUCK_S, TimeUnit.SECONDS);
  }

  @ParameterizedTest
  @CsvSource({
    "READ, false",
    "WRITE, false",
    "FLUSH, false",
    "CLOSE, false",
    "READ, true",
    "FLUSH, true"
  })
  void close_whileTheOwnerWaitsForAnotherQueue_isNotUsedAfterwards(Wait wait, boolean scheduled)
      throws Exception {
    NvmeDevice device = open();
    NvmeQueue queue = device.createQueue();
    NvmeQueue confined = device.createQueue(QueueOption.CONFINED);
    Watched shared = pairs.get(0);
    Watched own = pairs.get(1);
    NvmeHandle handle = queue.createHandle(HandleOption.WRITE_BEHIND);
    CountDownLatch owned = new CountDownLatch(1);
    CountDownLatch written = new CountDownLatch(1);
    FutureTask<?> waiting =
        new FutureTask<>(() -> {
          try (NvmeHandle direct = confined.createHandle()) {
            if (scheduled) {
              direct.schedule(PriorityClass.LATENCY, 2);
            }
            direct.write(memory(), 8192);
          }
          owned.countDown();
          written.await();
          wait.call.run(handle);
          return null;
        });
    Thread.ofPlatform().daemon().start(waiting);
    assertThat(owned.await(STUCK_S, TimeUnit.SECONDS)).isTrue();
    shared.holdsCommands = true;
    handle.write(memory(), 0);
    int uses = own.uses();
    own.stopsUntilClosed = true;
    written.countDown();
    awaitTurn(shared, own, uses, waiting);
    confined.close();
    awaitTurn(shared, own, uses, waiting);
    shared.holdsCommands = false;
    end(waiting);
    assertThat(own.uses() - uses).as("uses of a queue that may be closed").isZero();
    handle.close();
    queue.close();
    device.close();
  }

  /** With operations it is reaped: others may wait for these, and nobody else completes them. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void ownerWaits_withAnOperationOfItsOwn_completesIt(boolean scheduled) throws Exception {
    NvmeDevice device = open();
    NvmeQueue queue = device.createQueue();
    NvmeQueue confined = device.createQueue(QueueOption.CONFINED);
    Watched shared = pairs.get(0);
    NvmeHandle handle = queue.createHandle(HandleOption.WRITE_BEHIND);
    shared.holdsCommands = true;
    handle.write(memory(), 0);
    AsyncIo operation = new AsyncIo();
    FutureTask<?> waiting =
        new FutureTask<>(() -> {
          try (NvmeHandle direct = confined.createHandle()) {
            if (scheduled) {
              direct.schedule(PriorityClass.LATENCY, 2);
            }
            assertThat(direct.write(operation, memory(), 8192)).isTrue();
            handle.read(memory(), 0);
          }
          return null;
        });
    Thread.ofPlatform().daemon().start(waiting);
    Watched own = pairs.get(1);
    await("the operation is reaped", () -> own.reaps.get() > 0 && confined.inFlight() == 0);
    assertThat(waiting.isDone()).isFalse();
    shared.holdsCommands = false;
    end(waiting);
    assertThat(operation.status()).isZero();
    confined.close();
    handle.close();
    queue.close();
    device.close();
  }
}
