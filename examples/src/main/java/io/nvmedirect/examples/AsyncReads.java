package io.nvmedirect.examples;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Keeps 64 random reads in flight: each callback submits its operation again. One thread submits,
 * rings and reaps; nothing is allocated per read.
 */
public final class AsyncReads {

  private static final int DEPTH = 64;
  private static final int READ_BYTES = 4096;

  private final NvmeHandle handle;
  private final DmaBuffer buffer;
  private final long positions;
  private final long wanted;
  private long submitted;
  private long done;
  private int error;

  private AsyncReads(NvmeHandle handle, DmaBuffer buffer, long wanted) {
    this.handle = handle;
    this.buffer = buffer;
    this.positions = handle.device().sizeBytes() / READ_BYTES;
    this.wanted = wanted;
  }

  /** Runs on the device with the address {@code args[0]}. */
  public static void main(String[] args) throws IOException {
    long begin = System.nanoTime();
    long reads = run(args.length > 0 ? args[0] : "mem:1GiB", 1_000_000);
    double seconds = (System.nanoTime() - begin) / 1e9;
    System.out.printf("%d reads in %.2f s, %.0f per second%n", reads, seconds, reads / seconds);
  }

  static long run(String address, long reads) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(DEPTH, QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate((long) DEPTH * READ_BYTES)) {
      return new AsyncReads(handle, buffer, reads).run();
    }
  }

  private long run() throws IOException {
    for (int slot = 0; slot < DEPTH; slot++) {
      long offset = (long) slot * READ_BYTES;
      submit(new AsyncIo(io -> completed(io, offset)), offset);
    }
    while (done < submitted) {
      handle.poll();
    }
    if (error != 0) {
      throw new NvmeException("a read failed", error);
    }
    return done;
  }

  private void submit(AsyncIo io, long offset) throws IOException {
    if (submitted < wanted && error == 0) {
      long position = ThreadLocalRandom.current().nextLong(positions) * READ_BYTES;
      if (handle.read(io, buffer, offset, READ_BYTES, position)) {
        submitted++;
      } else {
        throw new IllegalStateException("the queue is full, although it has room for all");
      }
    }
  }

  private void completed(AsyncIo io, long offset) {
    done++;
    if (io.status() != 0) {
      error = io.status();
      return;
    }
    try {
      submit(io, offset);
    } catch (IOException e) {
      error = Status.HOST_PATHING_ERROR;
    }
  }
}
