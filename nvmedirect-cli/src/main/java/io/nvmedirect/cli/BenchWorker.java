package io.nvmedirect.cli;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * The load on one queue: a thread that keeps a number of I/Os in flight. All that an I/O needs is made
 * before the first one, so that none allocates. A completion's time is also the post time of the I/O
 * that follows it: one reading of the clock each.
 */
final class BenchWorker {

  /** When the measurement begins and ends, by {@link System#nanoTime}. */
  record Window(long fromNs, long untilNs) {}

  private static final long LONGEST_NS = TimeUnit.MINUTES.toNanos(10);
  private static final int DIGITS = 3;

  /** One of the I/Os in flight. */
  private final class Slot implements AsyncIo.Callback {

    private final AsyncIo io = new AsyncIo(this);
    private final long bufferOffset;
    private long postedNs;

    Slot(long bufferOffset) {
      this.bufferOffset = bufferOffset;
    }

    /** Posts the next I/O; false if the queue is full. */
    boolean post(long nowNs) throws IOException {
      postedNs = nowNs;
      long bits = random.nextLong();
      long position = nextPosition(bits);
      return load.workload().isWrite(bits)
          ? handle.write(io, buffer, bufferOffset, load.blockBytes(), position)
          : handle.read(io, buffer, bufferOffset, load.blockBytes(), position);
    }

    @Override
    public void completed(AsyncIo done) {
      long nowNs = System.nanoTime();
      try {
        if (done.status() != 0) {
          done.throwIfFailed();
        }
        if (nowNs < untilNs) {
          if (nowNs >= fromNs) {
            latenciesNs.recordValue(Math.min(nowNs - postedNs, LONGEST_NS));
          }
          if (!ending && post(nowNs)) {
            return;
          }
        }
      } catch (IOException e) {
        ending = true;
        failure = e;
      }
      // Not posted again: at the end, or for a moment because the queue is full.
      waiting[waitingCount++] = this;
    }
  }

  private final BenchLoad load;
  private final NvmeQueue queue;
  private final NvmeHandle handle;
  private final DmaBuffer buffer;
  private final SplittableRandom random;
  private final long firstBlock;
  private final long blocks;
  private final Slot[] waiting;
  private final Histogram latenciesNs = new Histogram(LONGEST_NS, DIGITS);
  private final AtomicLong published = new AtomicLong();
  private final Backoff backoff = new Backoff();
  private int waitingCount;
  private long nextBlock;
  private long fromNs;
  private long untilNs;
  private boolean ending;
  private volatile boolean cancelled;
  private @Nullable IOException failure;

  /**
   * Prepares the load.
   *
   * @param index of the worker; sequential workers each have a region of their own
   */
  BenchWorker(NvmeDevice device, BenchLoad load, int index) throws IOException {
    this.load = load;
    this.random = new SplittableRandom(index + 1L);
    long deviceBlocks = device.sizeBytes() / load.blockBytes();
    this.blocks = load.workload().random ? deviceBlocks : deviceBlocks / load.queues();
    this.firstBlock = load.workload().random ? 0 : index * blocks;
    this.waiting = new Slot[load.depth()];
    this.buffer = device.allocate((long) load.depth() * load.blockBytes());
    try {
      this.queue = device.createQueue(load.depth(), QueueOption.CONFINED);
    } catch (IOException | RuntimeException e) {
      buffer.close();
      throw e;
    }
    this.handle = queue.createHandle();
    byte[] noise = new byte[load.blockBytes()];
    for (int i = 0; i < load.depth(); i++) {
      random.nextBytes(noise);
      long offset = (long) i * load.blockBytes();
      MemorySegment.copy(MemorySegment.ofArray(noise), 0, buffer.segment(), offset, noise.length);
      waiting[i] = new Slot(offset);
    }
  }

  private long nextPosition(long bits) {
    long block;
    if (load.workload().random) {
      // Bit 63 chooses between read and write, so the rest chooses the block.
      block = Math.unsignedMultiplyHigh(bits << 1, blocks);
    } else {
      block = firstBlock + nextBlock;
      nextBlock = nextBlock + 1 == blocks ? 0 : nextBlock + 1;
    }
    return block * load.blockBytes();
  }

  /** Runs the load on this thread until the window ends, an I/O fails or {@link #cancel}. */
  void run(Window window) throws IOException {
    fromNs = window.fromNs();
    untilNs = window.untilNs();
    waitingCount = load.depth();
    try (buffer;
        queue;
        handle) {
      while (!ending && System.nanoTime() < untilNs) {
        postWaiting();
        backoff.after(queue.poll());
        published.setRelease(latenciesNs.getTotalCount());
        ending |= cancelled;
      }
      while (waitingCount < load.depth()) {
        backoff.after(queue.poll());
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private void postWaiting() throws IOException {
    while (waitingCount > 0 && !ending) {
      if (!waiting[waitingCount - 1].post(System.nanoTime())) {
        return;
      }
      waitingCount--;
    }
  }

  /** Ends the load early, from any thread. */
  void cancel() {
    cancelled = true;
  }

  /** I/Os measured so far, for any thread. */
  long measured() {
    return published.getAcquire();
  }

  /** The latencies, for a thread that has seen {@link #run} end. */
  Histogram latenciesNs() {
    return latenciesNs;
  }

  /** Frees what the constructor took, if {@link #run} is never called. */
  void discard() throws IOException {
    try (buffer;
        queue) {
      handle.close();
    }
  }
}
