package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.serve.NvmeServer;
import io.nvmedirect.serve.ServeOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Virtual threads, platform threads and callbacks use the same blocks of a device in all ways at once, and
 * nobody gets stuck: each of them goes on to the end, and everything closes. {@code
 * -Dnvmedirect.crowdSeconds=N} has it take longer.
 */
@Tag("emulator")
@Timeout(3600)
class CrowdTest {

  private static final long RUN_NS =
      TimeUnit.MILLISECONDS.toNanos(1000L * Integer.getInteger("nvmedirect.crowdSeconds", 0) + 500);

  /** Not a limit of speed: it ends a test that hangs. */
  private static final long STUCK_NS = TimeUnit.SECONDS.toNanos(120);

  private static final long FLUSHES = 200;
  private static final int BLOCKS = 8;
  private static final int CHAINS = 4;
  private static final int THREADS_OF_A_KIND = 4;

  private final long seed = Long.getLong("nvmedirect.seed", System.nanoTime());

  /** Short, for the address of a socket is. */
  private Path directory;

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = Files.createTempDirectory("crowd");
  }

  @AfterEach
  void deleteDirectory() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'mem:1MiB?lba=4096', 1",
    "'mem:1MiB?lba=4096', 0",
    "'mem:1MiB?lba=4096&mode=thread', 4",
    "'mem:1MiB?lba=512&mode=thread', 1",
    "'mem:1MiB?lba=4096&mode=thread', 0",
    "'mem:1MiB?lba=4096&model=flash', 4",
    "'mem:1MiB?lba=4096&model=flash&mdts=8KiB', 0",
    "'file:?size=1MiB&lba=4096&mode=thread', 4",
  })
  void crowd_goesOn(String form, int cachePages) throws Exception {
    crowd(form.replace("file:", "file:" + directory.resolve("disk.img")), cachePages);
  }

  @ParameterizedTest
  @CsvSource({"'mem:1MiB?lba=4096', 4", "'mem:1MiB?lba=512', 0"})
  void crowd_onADeviceOfAServer_goesOn(String served, int cachePages) throws Exception {
    Path socket = directory.resolve("s");
    try (NvmeServer server = NvmeServer.open(served, ServeOptions.defaults())) {
      server.listen(socket);
      crowd("vfio-user:" + socket, cachePages);
    }
  }

  /**
   * A callback flushes a handle with a write that is counted and waits for the cache, whose holder waits
   * for the thread that the callback runs on.
   */
  @ParameterizedTest
  @CsvSource({
    "'mem:1MiB?lba=4096&mode=thread', 1",
    "'mem:1MiB?lba=4096&mode=thread', 0",
    "'mem:1MiB?lba=4096&model=flash', 1"
  })
  void flushInACallback_besideWritesOfItsHandle_goesOn(String address, int cachePages)
      throws Exception {
    DeviceOptions options = DeviceOptions.defaults().withCachePages(cachePages);
    try (NvmeDevice device = NvmeDevice.open(address, options);
        NvmeQueue first = device.createQueue(8);
        NvmeQueue second = device.createQueue(8);
        NvmeHandle written = first.createHandle();
        NvmeHandle read = first.createHandle();
        NvmeHandle buffered = second.createHandle(HandleOption.BUFFERED)) {
      AtomicLong flushes = new AtomicLong();
      ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
      List<Thread> threads =
          List.of(
              Thread.ofVirtual()
                  .start(
                      repeat(flushes, thrown, i -> buffered.write(heap(100), i % 8 * 4096L + 50))),
              Thread.ofPlatform()
                  .daemon()
                  .start(
                      repeat(
                          flushes,
                          thrown,
                          i -> written.writeAsync(heap(4096), i % 8 * 4096L).join())),
              Thread.ofPlatform()
                  .daemon()
                  .start(
                      repeat(
                          flushes,
                          thrown,
                          i ->
                              read.readAsync(heap(4096), i % 8 * 4096L)
                                  .thenRun(() -> flush(written, flushes))
                                  .join())));
      for (Thread thread : threads) {
        thread.join(TimeUnit.NANOSECONDS.toMillis(STUCK_NS));
        assertThat(thread.isAlive()).as(() -> thread + " is stuck").isFalse();
      }
      assertThat(thrown).isEmpty();
    }
  }

  private interface Step {
    void run(int number) throws IOException;
  }

  private static MemorySegment heap(int lengthBytes) {
    return MemorySegment.ofArray(new byte[lengthBytes]);
  }

  private static void flush(NvmeHandle handle, AtomicLong flushes) {
    try {
      handle.flush();
      flushes.incrementAndGet();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Runnable repeat(
      AtomicLong flushes, ConcurrentLinkedQueue<Throwable> thrown, Step step) {
    return () -> {
      try {
        for (int i = 0; flushes.get() < FLUSHES && thrown.isEmpty(); i++) {
          step.run(i);
        }
      } catch (Exception | Error e) {
        thrown.add(e);
      }
    };
  }

  private void crowd(String address, int cachePages) throws Exception {
    DeviceOptions options = DeviceOptions.defaults().withCachePages(cachePages);
    try (NvmeDevice device = NvmeDevice.open(address, options)) {
      try (NvmeQueue ordinary = device.createQueue(8);
          NvmeQueue manual = device.createQueue(8, QueueOption.MANUAL_COMPLETION);
          NvmeQueue interrupt = device.createQueue(8, QueueOption.INTERRUPT);
          Crowd crowd = new Crowd(device, List.of(ordinary, manual, interrupt))) {
        crowd.run();
      }
      assertThat(device.queues().open()).isEmpty();
    }
  }

  private final class Crowd implements AutoCloseable {

    private final NvmeDevice device;
    private final List<NvmeHandle> handles = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final List<AtomicLong> steps = new ArrayList<>();
    private final ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
    private final AtomicLong chainsRunning = new AtomicLong();
    private final DmaBuffer buffer;
    private volatile boolean done;

    Crowd(NvmeDevice device, List<NvmeQueue> queues) throws IOException {
      this.device = device;
      for (NvmeQueue queue : queues) {
        handles.add(queue.createHandle());
        handles.add(queue.createHandle(HandleOption.WRITE_BEHIND));
        handles.add(queue.createHandle(HandleOption.BUFFERED));
        handles.add(queue.createHandle(HandleOption.BUFFERED, HandleOption.WRITE_THROUGH));
      }
      handles.add(queues.getLast().createHandle(HandleOption.INTERRUPT));
      handles.add(queues.getFirst().createHandle(HandleOption.HYBRID));
      buffer = device.allocate((long) CHAINS * 4096);
    }

    void run() throws Exception {
      for (int i = 0; i < THREADS_OF_A_KIND; i++) {
        start(Thread.ofVirtual(), new Random(seed + i), false);
        start(Thread.ofPlatform().daemon(), new Random(seed + 100 + i), i == 0);
      }
      startChains();
      watch();
      done = true;
      for (Thread thread : threads) {
        thread.join(TimeUnit.NANOSECONDS.toMillis(STUCK_NS));
        assertThat(thread.isAlive()).as(() -> "stuck in " + stack(thread)).isFalse();
      }
      long begunNs = System.nanoTime();
      while (chainsRunning.get() > 0) {
        assertThat(System.nanoTime() - begunNs).as("a callback is stuck").isLessThan(STUCK_NS);
        Thread.sleep(1);
      }
      assertThat(thrown).as("seed %d", seed).isEmpty();
    }

    private String stack(Thread thread) {
      return thread + " " + List.of(thread.getStackTrace());
    }

    /** Until the time is over; each thread has to have gone on, however slow the machine is. */
    private void watch() throws InterruptedException {
      long begunNs = System.nanoTime();
      while (thrown.isEmpty()
          && (System.nanoTime() - begunNs < RUN_NS
              || steps.stream().anyMatch(count -> count.get() < 3))) {
        assertThat(System.nanoTime() - begunNs)
            .as(() -> "some thread is stuck: " + steps + threads.stream().map(this::stack).toList())
            .isLessThan(RUN_NS + STUCK_NS);
        Thread.sleep(10);
      }
    }

    private void start(Thread.Builder kind, Random random, boolean confined) {
      AtomicLong count = new AtomicLong();
      steps.add(count);
      threads.add(
          kind.start(() -> {
            try {
              if (confined) {
                useAConfinedQueue(random, count);
              } else {
                use(handles, random, count);
              }
            } catch (Exception | Error e) {
              thrown.add(e);
            }
          }));
    }

    private void useAConfinedQueue(Random random, AtomicLong count) throws IOException {
      try (NvmeQueue own = device.createQueue(8, QueueOption.CONFINED);
          NvmeHandle direct = own.createHandle();
          NvmeHandle buffered = own.createHandle(HandleOption.BUFFERED)) {
        use(List.of(direct, buffered), random, count);
      }
    }

    private void use(List<NvmeHandle> which, Random random, AtomicLong count) throws IOException {
      while (!done) {
        step(which.get(random.nextInt(which.size())), random);
        count.incrementAndGet();
        if (random.nextInt(50) == 0 && device.cachePages() > 0) {
          device.resizeCache(1 + random.nextInt(6));
        }
      }
    }

    /** One operation of any kind, by a thread or a callback. */
    @SuppressWarnings("ThreadPriorityCheck") // others complete what this one waits for
    private void step(NvmeHandle handle, Random random) throws IOException {
      int block = device.blockBytes();
      boolean buffered = handle.options().contains(HandleOption.BUFFERED);
      long position = random.nextInt(BLOCKS - 1) * (long) block;
      MemorySegment memory = MemorySegment.ofArray(new byte[(1 + random.nextInt(2)) * block]);
      switch (random.nextInt(12)) {
        case 0, 1, 2 -> handle.read(memory, position);
        case 3, 4, 5 -> handle.write(memory, position);
        case 6 -> {
          MemorySegment part = buffered ? memory.asSlice(0, 100) : memory;
          handle.write(part, buffered ? position + 50 : position);
        }
        case 7 -> {
          handle.seek(position, SeekOrigin.START);
          handle.read(memory);
        }
        case 8 -> handle.flush();
        case 9 -> {
          if (random.nextBoolean()) {
            handle.discard(position, block);
          } else {
            handle.writeZeroes(position, block);
          }
        }
        case 10 ->
            handle.write(new MemorySegment[] {memory.asSlice(0, 64), memory.asSlice(64)}, position);
        default -> {
          AsyncIo io = new AsyncIo();
          handle.enqueueWrite(io, memory, position);
          while (!io.isDone()) {
            handle.poll();
            Thread.yield();
          }
          io.throwIfFailed();
        }
      }
    }

    /** Asynchronous operations whose callbacks do I/O of every kind and submit the next one. */
    private void startChains() throws IOException {
      for (int i = 0; i < CHAINS; i++) {
        AtomicLong count = new AtomicLong();
        steps.add(count);
        Random random = new Random(seed + 200 + i);
        NvmeHandle handle = handles.getFirst();
        MemorySegment memory = buffer.segment().asSlice(i * 4096L, device.blockBytes());
        chainsRunning.incrementAndGet();
        AsyncIo chain =
            new AsyncIo(io -> {
              boolean goesOn = false;
              try {
                io.throwIfFailed();
                if (!done) {
                  step(handles.get(random.nextInt(handles.size())), random);
                  count.incrementAndGet();
                  submit(handle, io, memory, random);
                  goesOn = true;
                }
              } catch (Exception | Error e) {
                thrown.add(e);
              } finally {
                if (!goesOn) {
                  chainsRunning.decrementAndGet();
                }
              }
            });
        submit(handle, chain, memory, random);
      }
    }

    private void submit(NvmeHandle handle, AsyncIo io, MemorySegment memory, Random random)
        throws IOException {
      long position = random.nextInt(BLOCKS) * (long) device.blockBytes();
      if (random.nextBoolean()) {
        handle.enqueueWrite(io, memory, position);
      } else {
        handle.enqueueRead(io, memory, position);
      }
      handle.ring();
    }

    @Override
    public void close() throws IOException {
      done = true;
      for (NvmeHandle handle : handles) {
        handle.close();
      }
      buffer.close();
    }
  }
}
