package io.nvmedirect.testing;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.DeviceOptions;
import io.nvmedirect.HandleOption;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.address.Addresses;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.RingTransport;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A run of the library against a simulated device, on one thread and in virtual time. Everything that happens follows
 * from one seed: the same seed gives the same run again, byte for byte.
 *
 * <p>The real driver, engine and cache do I/O over confined queues on the embedded controller, which delays and reorders
 * completions, loses them or gives them twice, fails commands, stops and disappears; its power is cut, and then of each
 * block that was not flushed any content is left that it has had since. Checked is that every operation ends once, that
 * every read returns what the writes before and beside it allow, that what was flushed is there after a power cut, that
 * nothing stays taken when all is closed, and that nothing waits for ever.
 */
public final class Simulation {

  /**
   * What a run came to.
   *
   * @param seed that repeats it
   * @param virtualNs virtual time that it took
   * @param operations that were done, also in vain
   * @param failed operations that ended with an error, as the device's faults would have it
   * @param powerCuts how often the power was cut
   * @param hash of all lines of the trace
   * @param trace what has happened, a line each: all of it if that was asked for, else the end of it
   */
  public record Result(
      long seed,
      long virtualNs,
      long operations,
      long failed,
      int powerCuts,
      long hash,
      String trace) {}

  private static final int STEPS = 400;
  private static final int MOST_BYTES = 32 << 10;
  private static final int PAGE_BYTES = 4096;
  private static final long LONGEST_PAUSE_NS = 2_000_000;

  /** By number in the address: the connections of runs that are under way. */
  private static final Map<String, Simulation> RUNNING = new ConcurrentHashMap<>();

  private static final AtomicLong COUNT = new AtomicLong();

  static {
    Addresses.register(
        "simulated", (address, readOnly) -> Objects.requireNonNull(RUNNING.get(address)).connect());
  }

  private final long seed;
  private final String address = "simulated:" + COUNT.incrementAndGet();
  private final Random random;
  private final SimulatedClock clock = new SimulatedClock();
  private final Trace trace;
  private final String traits;
  private final int sizeBytes;
  private final int blockBytes;
  private final PowerCutMedia media;
  private final BlockHistory history;
  private final DeviceOptions options;
  private final int faultsPerThousand;
  private final long slowNs;
  private final MemorySegment scratch = MemorySegment.ofArray(new byte[MOST_BYTES]);
  private final List<Posted> posted = new ArrayList<>();

  private SimulatedDevice controller;
  private NvmeDevice device;
  private NvmeQueue[] queues;

  /** A direct and a buffered one of each queue. */
  private NvmeHandle[] handles;

  private long operations;
  private long failed;
  private int powerCuts;

  /** The power was cut, and the device is not open again. */
  private boolean powerless;

  /** An asynchronous operation that is under way, or ended just now. */
  private final class Posted {
    final AsyncIo io = new AsyncIo(this::ended);
    final DmaBuffer buffer;
    final long length;
    BlockHistory.@Nullable Write write;
    BlockHistory.@Nullable Read read;
    boolean durable;
    int ends;

    Posted(DmaBuffer buffer, long length) {
      this.buffer = buffer;
      this.length = length;
    }

    private void ended(AsyncIo done) {
      ends++;
      boolean succeeded = done.status() == 0;
      trace.add(
          "  ended %s: %s"
              .formatted(
                  write != null ? "write " + write.content : "read", succeeded ? "ok" : "failed"));
      if (ends > 1) {
        throw new SimulationFailure("an operation has ended %d times".formatted(ends));
      }
      if (!succeeded) {
        expectFailure(null);
      }
      if (write != null) {
        history.endWrite(write, succeeded, durable);
      } else if (read != null) {
        if (succeeded) {
          history.endRead(read, buffer.segment().asSlice(0, length));
        } else {
          history.cancelRead(read);
        }
      }
    }
  }

  @SuppressWarnings("NullAway.Init") // what open() makes
  private Simulation(long seed, boolean whole, Sabotage sabotage) {
    this.seed = seed;
    this.random = new Random(seed);
    this.trace = new Trace(clock, whole);
    this.blockBytes = random.nextInt(3) == 0 ? 512 : PAGE_BYTES;
    this.sizeBytes = 128 << 10 << random.nextInt(4);
    this.media = new PowerCutMedia(sizeBytes, blockBytes, sabotage);
    this.history = new BlockHistory(sizeBytes);
    int[] cachePages = {0, 1, 4, 16, 64};
    this.options =
        DeviceOptions.defaults()
            .withCachePages(cachePages[random.nextInt(cachePages.length)])
            .withCommandTimeout(Duration.ofMillis(random.nextInt(4) == 0 ? 30_000 : 1_000));
    String[] transfers = {"8KiB", "16KiB", "128KiB"};
    this.traits =
        "mem:%d?lba=%d&mdts=%s".formatted(sizeBytes, blockBytes, transfers[random.nextInt(3)]);
    int[] rates = {0, 0, 5, 30};
    this.faultsPerThousand = rates[random.nextInt(rates.length)];
    this.slowNs = random.nextInt(3) == 0 ? 2 * options.commandTimeout().toNanos() : 0;
    this.queues = new NvmeQueue[1 + random.nextInt(3)];
    this.handles = new NvmeHandle[0];
    trace.add(
        "seed %d: %s, %d pages of cache, time-out %s, %d queues, %d faults in 1000"
            .formatted(
                seed,
                traits,
                options.cachePages(),
                options.commandTimeout(),
                queues.length,
                faultsPerThousand));
  }

  /**
   * Does a run.
   *
   * @param wholeTrace whether the result has all of the trace, and not only its end
   * @throws SimulationFailure if it has found a fault
   */
  public static Result run(long seed, boolean wholeTrace) {
    return run(seed, wholeTrace, Sabotage.NONE);
  }

  static Result run(long seed, boolean wholeTrace, Sabotage sabotage) {
    Simulation simulation = new Simulation(seed, wholeTrace, sabotage);
    RUNNING.put(simulation.address, simulation);
    try {
      return simulation.run();
    } catch (IOException | RuntimeException | Error e) {
      throw new SimulationFailure(
          "seed %d: %s%n%s".formatted(seed, e.getMessage(), simulation.trace.text()), e);
    } finally {
      RUNNING.remove(simulation.address);
    }
  }

  private Addresses.Target connect() throws IOException {
    controller = new SimulatedDevice(traits, media, random, clock, trace);
    clock.connect(controller);
    return new Addresses.Target(new RingTransport(controller.function()), 0, clock);
  }

  private Result run() throws IOException {
    open();
    for (int step = 0; step < STEPS; step++) {
      clock.operationBegins();
      step();
    }
    close();
    return new Result(
        seed, clock.nanoTime(), operations, failed, powerCuts, trace.hash(), trace.text());
  }

  // ---- The device.

  private void open() throws IOException {
    device = NvmeDevice.open(address, options);
    handles = new NvmeHandle[2 * queues.length];
    for (int i = 0; i < queues.length; i++) {
      queues[i] =
          device.createQueue(1 + random.nextInt(16), QueueOption.CONFINED, QueueOption.INTERRUPT);
      handles[2 * i] = queues[i].createHandle(waiting(HandleOption.FORCE_UNIT_ACCESS));
      handles[2 * i + 1] =
          random.nextInt(3) == 0
              ? queues[i].createHandle(HandleOption.BUFFERED, HandleOption.WRITE_THROUGH)
              : queues[i].createHandle(HandleOption.BUFFERED);
    }
    controller.faults(faultsPerThousand, slowNs);
  }

  /** How a handle waits, and now and then one more option. */
  private HandleOption[] waiting(HandleOption more) {
    List<HandleOption> chosen = new ArrayList<>();
    switch (random.nextInt(3)) {
      case 0 -> chosen.add(HandleOption.INTERRUPT);
      case 1 -> chosen.add(HandleOption.HYBRID);
      default -> {}
    }
    if (random.nextInt(4) == 0) {
      chosen.add(more);
    }
    return chosen.toArray(HandleOption[]::new);
  }

  private void close() throws IOException {
    controller.faults(0, 0);
    long begun = history.now();
    boolean clean = closeHandlesAndDevice(isGivenUp());
    if (clean) {
      history.flushed(begun);
    }
    trace.add(clean ? "closed" : "closed, and blocks are lost");
    if (clean) {
      BlockHistory.Read all = history.beginRead(0, sizeBytes);
      history.endRead(all, wholeMedium());
    } else {
      history.powerWasCut(wholeMedium());
    }
    // No power cut takes what is there now.
    media.keepAll();
  }

  private MemorySegment wholeMedium() {
    MemorySegment content = MemorySegment.ofArray(new byte[sizeBytes]);
    media.read(0, content, 0, sizeBytes);
    return content;
  }

  /** Whether nothing was lost. */
  private boolean closeHandlesAndDevice(boolean gone) throws IOException {
    for (NvmeHandle handle : handles) {
      handle.close();
      if (handle.outstanding() != 0) {
        throw new SimulationFailure(
            "a closed handle has %d operations".formatted(handle.outstanding()));
      }
    }
    for (Posted each : posted) {
      if (each.ends != 1) {
        throw new SimulationFailure("an operation has ended %d times".formatted(each.ends));
      }
      // One that the device may still write to is never freed.
      if (!gone && each.buffer.isInUse()) {
        throw new SimulationFailure("a buffer is in use, and nothing uses it");
      }
      each.buffer.close();
    }
    posted.clear();
    for (NvmeQueue queue : queues) {
      try {
        queue.close();
      } catch (IOException e) {
        expectFailure(e);
      }
    }
    for (int attempt = 1; ; attempt++) {
      try {
        device.close();
        return attempt == 1;
      } catch (IOException e) {
        expectFailure(e);
        if (attempt == 2) {
          return false;
        }
      }
    }
  }

  /** The power goes, with whatever is in flight, and comes back. */
  private void cutPower() throws IOException {
    powerCuts++;
    powerless = true;
    trace.add("power cut");
    controller.faults(0, 0);
    controller.function().close();
    media.cutPower(random);
    boolean _ = closeHandlesAndDevice(true);
    media.keepAll();
    history.powerWasCut(wholeMedium());
    powerless = false;
    open();
  }

  /** Something has failed: it may, if the device does, and when it is gone it is opened anew. */
  private void expectFailure(@Nullable Exception e) {
    failed++;
    if (e != null) {
      trace.add("  failed: " + named(e));
    }
    if (faultsPerThousand == 0 && slowNs == 0 && !powerless) {
      throw new SimulationFailure("an operation failed, and the device did not", e);
    }
  }

  /** Without the number of the run, so that the same run has the same trace. */
  private String named(Exception e) {
    return String.valueOf(e.getMessage()).replace(address, "the device");
  }

  // ---- Steps.

  private void step() throws IOException {
    operations++;
    int kind = random.nextInt(100);
    if (kind < 25) {
      post();
    } else if (kind < 40) {
      poll();
    } else if (kind < 50) {
      clock.pass(random.nextLong(LONGEST_PAUSE_NS));
    } else if (kind < 95) {
      synchronous(kind);
    } else if (kind < 96) {
      resizeCache();
    } else if (kind < 97 && random.nextInt(2) == 0) {
      cutPower();
    } else if (kind < 98 && random.nextInt(4) == 0) {
      trace.add("close and open");
      close();
      open();
    } else {
      poll();
    }
  }

  private void poll() {
    NvmeQueue queue = queues[random.nextInt(queues.length)];
    int done = queue.poll();
    trace.add("poll of queue %d: %d".formatted(queue.id(), done));
    posted.removeIf(each -> {
      if (each.ends == 1 && !each.buffer.isInUse()) {
        each.buffer.close();
        return true;
      }
      return false;
    });
  }

  private long randomLength(int granule) {
    return (long) granule
        * (1 + random.nextInt(Math.max(1, (MOST_BYTES / granule) >> random.nextInt(4))));
  }

  /** Mostly in one place, so that operations meet. */
  private long randomPosition(long length, int granule) {
    int within = random.nextInt(3) == 0 ? sizeBytes : Math.min(sizeBytes, 64 << 10);
    return (long) random.nextInt((int) ((within - length) / granule) + 1) * granule;
  }

  private void post() throws IOException {
    NvmeHandle handle = handles[2 * random.nextInt(queues.length)];
    long length = randomLength(blockBytes);
    long position = randomPosition(length, blockBytes);
    boolean writes = random.nextBoolean();
    DmaBuffer buffer = device.allocate(length);
    Posted operation = new Posted(buffer, length);
    operation.durable = handle.options().contains(HandleOption.FORCE_UNIT_ACCESS);
    if (writes) {
      operation.write = history.beginWrite(position, length);
      BlockHistory.fill(buffer.segment(), operation.write);
    } else {
      operation.read = history.beginRead(position, length);
    }
    trace.add(
        "post %s of %d bytes at %d"
            .formatted(
                operation.write != null ? "write " + operation.write.content : "read",
                length,
                position));
    boolean accepted = false;
    try {
      accepted =
          writes
              ? handle.write(operation.io, buffer, 0, length, position)
              : handle.read(operation.io, buffer, 0, length, position);
    } catch (IOException e) {
      expectFailure(e);
    }
    if (accepted) {
      posted.add(operation);
      return;
    }
    trace.add("  not accepted");
    if (operation.write != null) {
      history.endWrite(operation.write, false, false);
    } else if (operation.read != null) {
      history.cancelRead(operation.read);
    }
    if (buffer.isInUse()) {
      throw new SimulationFailure("the buffer of an operation that was refused is in use");
    }
    buffer.close();
    if (isGivenUp()) {
      cutPower();
    }
  }

  private void synchronous(int kind) throws IOException {
    int queue = random.nextInt(queues.length);
    NvmeHandle direct = handles[2 * queue];
    NvmeHandle buffered = handles[2 * queue + 1];
    boolean durable = direct.options().contains(HandleOption.FORCE_UNIT_ACCESS);
    boolean through = buffered.options().contains(HandleOption.WRITE_THROUGH);
    try {
      if (kind < 58) {
        read(direct, blockBytes);
      } else if (kind < 66) {
        write(direct, blockBytes, durable);
      } else if (kind < 76) {
        read(buffered, BlockHistory.UNIT_BYTES);
      } else if (kind < 86) {
        write(buffered, BlockHistory.UNIT_BYTES, false);
      } else if (kind < 88) {
        writeZeroes(direct, durable);
      } else if (kind < 90) {
        discard(direct);
      } else {
        flush(through || random.nextBoolean() ? buffered : direct);
      }
    } catch (IOException e) {
      expectFailure(e);
      if (isGivenUp()) {
        cutPower();
      }
    }
  }

  private void read(NvmeHandle handle, int granule) throws IOException {
    long length = randomLength(granule);
    long position = randomPosition(length, granule);
    BlockHistory.Read read = history.beginRead(position, length);
    trace.add("read %d bytes at %d %s".formatted(length, position, handle.options()));
    MemorySegment data = scratch.asSlice(0, length).fill((byte) 0x55);
    boolean done = false;
    try {
      handle.read(data, position);
      done = true;
    } finally {
      if (!done) {
        history.cancelRead(read);
      }
    }
    history.endRead(read, data);
  }

  private void write(NvmeHandle handle, int granule, boolean durable) throws IOException {
    long length = randomLength(granule);
    long position = randomPosition(length, granule);
    BlockHistory.Write write = history.beginWrite(position, length);
    trace.add(
        "write %d: %d bytes at %d %s".formatted(write.content, length, position, handle.options()));
    MemorySegment data = scratch.asSlice(0, length);
    BlockHistory.fill(data, write);
    boolean written = false;
    try {
      handle.write(data, position);
      written = true;
    } finally {
      history.endWrite(write, written, durable);
    }
  }

  private void writeZeroes(NvmeHandle handle, boolean durable) throws IOException {
    long length = randomLength(blockBytes);
    long position = randomPosition(length, blockBytes);
    BlockHistory.Write write = history.beginZeroes(position, length);
    trace.add("write zeroes: %d bytes at %d".formatted(length, position));
    boolean written = false;
    try {
      handle.writeZeroes(position, length);
      written = true;
    } finally {
      history.endWrite(write, written, durable);
    }
  }

  private void discard(NvmeHandle handle) throws IOException {
    long length = randomLength(blockBytes);
    long position = randomPosition(length, blockBytes);
    BlockHistory.Write write = history.beginZeroes(position, length);
    trace.add("discard %d bytes at %d".formatted(length, position));
    try {
      handle.discard(position, length);
    } finally {
      history.endDiscard(write);
    }
  }

  private void flush(NvmeHandle handle) throws IOException {
    long begun = history.now();
    trace.add("flush");
    handle.flush();
    history.flushed(begun);
  }

  private void resizeCache() {
    if (options.cachePages() == 0) {
      return;
    }
    int pages = 1 + random.nextInt(32);
    trace.add("resize the cache to %d pages".formatted(pages));
    try {
      int _ = device.resizeCache(pages);
    } catch (IOException e) {
      expectFailure(e);
    }
  }

  /** Whether the device wants to be opened anew. */
  private boolean isGivenUp() {
    try {
      controller.faults(0, 0);
      var _ = device.smart();
      controller.faults(faultsPerThousand, slowNs);
      return false;
    } catch (IOException e) {
      trace.add("given up: " + named(e));
      return true;
    }
  }
}
