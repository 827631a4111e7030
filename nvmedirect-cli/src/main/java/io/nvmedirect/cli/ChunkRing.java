package io.nvmedirect.cli;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.cli.bench.Backoff;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A queue of a device and a ring of chunks of DMA memory, each with at most one command in flight. One
 * thread uses it.
 */
final class ChunkRing implements AutoCloseable {

  static final int CHUNKS = 8;

  private static final long MAX_CHUNK_BYTES = 512 << 10;

  private final NvmeDevice device;
  private final int chunkBytes;
  private final DmaBuffer buffer;
  private final NvmeQueue queue;
  private final NvmeHandle handle;
  private final Backoff backoff = new Backoff();
  private final AsyncIo[] ios = new AsyncIo[CHUNKS];
  private final boolean[] inFlight = new boolean[CHUNKS];
  private final MemorySegment[] chunks = new MemorySegment[CHUNKS];

  ChunkRing(NvmeDevice device) throws IOException {
    this.device = device;
    int block = device.blockBytes();
    long bytes = Math.min(MAX_CHUNK_BYTES, device.maxTransferBytes());
    this.chunkBytes = (int) Math.max(block, bytes - bytes % block);
    this.buffer = device.allocate((long) CHUNKS * chunkBytes);
    try {
      // One more than the chunks, for the synchronous reads of an unaligned head or tail.
      this.queue =
          device.createQueue(Math.min(2 * CHUNKS, device.maxQueueDepth()), QueueOption.CONFINED);
    } catch (IOException | RuntimeException e) {
      buffer.close();
      throw e;
    }
    this.handle = queue.createHandle();
    for (int i = 0; i < CHUNKS; i++) {
      ios[i] = new AsyncIo();
      chunks[i] = buffer.segment().asSlice((long) i * chunkBytes, chunkBytes);
    }
  }

  NvmeDevice device() {
    return device;
  }

  /** Bytes of a chunk, a multiple of the block size. */
  int chunkBytes() {
    return chunkBytes;
  }

  MemorySegment chunk(int index) {
    return chunks[index];
  }

  /** Starts to fill a chunk from the device. */
  void read(int index, long position, int lengthBytes) throws IOException {
    while (!handle.read(ios[index], buffer, (long) index * chunkBytes, lengthBytes, position)) {
      backoff.after(queue.poll());
    }
    inFlight[index] = true;
    queue.ring();
  }

  /** Starts to write a chunk to the device. */
  void write(int index, long position, int lengthBytes) throws IOException {
    while (!handle.write(ios[index], buffer, (long) index * chunkBytes, lengthBytes, position)) {
      backoff.after(queue.poll());
    }
    inFlight[index] = true;
    queue.ring();
  }

  /** Reads whole blocks at once, not through the ring. */
  void readNow(MemorySegment to, long position) throws IOException {
    handle.read(to, position);
  }

  void flush() throws IOException {
    handle.flush();
  }

  /** Waits for the chunk's command, if there is one, and fails as it did. */
  void await(int index) throws IOException {
    if (inFlight[index]) {
      settle(index);
      ios[index].throwIfFailed();
    }
  }

  private void settle(int index) {
    while (!ios[index].isDone()) {
      backoff.after(queue.poll());
    }
    inFlight[index] = false;
  }

  /** Waits for the commands in flight, whatever becomes of them, and ends the queue. */
  @Override
  public void close() throws IOException {
    try (buffer;
        queue) {
      for (int i = 0; i < CHUNKS; i++) {
        if (inFlight[i]) {
          settle(i);
        }
      }
      handle.close();
    }
  }
}
