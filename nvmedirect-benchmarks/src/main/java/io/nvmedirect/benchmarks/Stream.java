package io.nvmedirect.benchmarks;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.SplittableRandom;
import org.HdrHistogram.Histogram;

/**
 * A handle that always has so many random reads or writes outstanding. All by the thread that polls the
 * queue.
 */
final class Stream implements AutoCloseable {

  private static final long LONGEST_NS = 60_000_000_000L;

  /** One of them, over and over. */
  private final class Lane {
    private final AsyncIo io = new AsyncIo(done -> ended());
    private final long offset;
    private long beganNs;

    Lane(long offset) {
      this.offset = offset;
    }

    void begin() {
      long position = random.nextLong(positions) * lengthBytes;
      beganNs = System.nanoTime();
      try {
        boolean posted =
            write
                ? handle.write(io, buffer, offset, lengthBytes, position)
                : handle.read(io, buffer, offset, lengthBytes, position);
        if (!posted) {
          throw new IllegalStateException("the queue is full: depth=" + handle.queue().depth());
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      running++;
    }

    private void ended() {
      running--;
      if (io.status() != 0) {
        failed = io.status();
      }
      if (counting) {
        done++;
        latency.recordValue(Math.clamp(System.nanoTime() - beganNs, 1, LONGEST_NS));
      }
      if (!stopped) {
        begin();
      }
    }
  }

  private final NvmeHandle handle;
  private final DmaBuffer buffer;
  private final int lengthBytes;
  private final boolean write;
  private final long positions;
  private final SplittableRandom random;
  private final Lane[] lanes;
  private final Histogram latency = new Histogram(LONGEST_NS, 3);
  private long done;
  private int running;
  private int failed;
  private boolean counting;
  private boolean stopped;

  Stream(NvmeHandle handle, int depth, int lengthBytes, boolean write, long seed)
      throws IOException {
    this.handle = handle;
    this.lengthBytes = lengthBytes;
    this.write = write;
    this.positions = handle.device().sizeBytes() / lengthBytes;
    this.random = new SplittableRandom(seed);
    this.buffer = handle.device().allocate((long) Math.max(1, depth) * lengthBytes);
    this.lanes = new Lane[depth];
    for (int i = 0; i < depth; i++) {
      lanes[i] = new Lane((long) i * lengthBytes);
    }
  }

  void start() {
    for (Lane lane : lanes) {
      lane.begin();
    }
  }

  /** Begins to count. */
  void count() {
    counting = true;
  }

  /** Stops counting; what is outstanding is the last. */
  void stop() {
    counting = false;
    stopped = true;
  }

  boolean isRunning() {
    return running > 0;
  }

  /** Operations that ended while they were counted. */
  long done() {
    if (failed != 0) {
      throw new IllegalStateException("an operation has failed: status=" + failed);
    }
    return done;
  }

  /** Their latencies, in nanoseconds. */
  Histogram latency() {
    return latency;
  }

  @Override
  public void close() {
    buffer.close();
  }
}
