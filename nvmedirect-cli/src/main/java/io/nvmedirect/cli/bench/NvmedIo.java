package io.nvmedirect.cli.bench;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** This framework: a confined queue that the worker polls. */
final class NvmedIo implements BlockIo {

  private final Listener listener;
  private final NvmeQueue queue;
  private final NvmeHandle handle;
  private final DmaBuffer buffer;
  private final long stride;
  private final AsyncIo[] operations;
  private final Backoff backoff = new Backoff();

  NvmedIo(NvmeDevice device, int depth, int blockBytes, Listener listener) throws IOException {
    this.listener = listener;
    this.stride = (blockBytes + 4095L) & -4096L;
    this.buffer = device.allocate(depth * stride);
    try {
      // A queue has one entry more than commands, and at least two.
      this.queue = device.createQueue(Math.max(2, depth), QueueOption.CONFINED);
    } catch (IOException | RuntimeException e) {
      buffer.close();
      throw e;
    }
    this.handle = queue.createHandle();
    this.operations = new AsyncIo[depth];
    for (int i = 0; i < depth; i++) {
      int slot = i;
      operations[i] = new AsyncIo(done -> ended(slot, done));
    }
  }

  private void ended(int slot, AsyncIo done) {
    if (done.status() == 0) {
      listener.completed(slot);
    } else {
      try {
        done.throwIfFailed();
      } catch (IOException e) {
        listener.failed(slot, e);
      }
    }
  }

  @Override
  public MemorySegment buffer(int slot) {
    return buffer.segment().asSlice(slot * stride, stride);
  }

  @Override
  public boolean read(int slot, int lengthBytes, long position) throws IOException {
    return handle.read(operations[slot], buffer, slot * stride, lengthBytes, position);
  }

  @Override
  public boolean write(int slot, int lengthBytes, long position) throws IOException {
    return handle.write(operations[slot], buffer, slot * stride, lengthBytes, position);
  }

  @Override
  public boolean flush(int slot) throws IOException {
    return handle.flush(operations[slot]);
  }

  @Override
  public int poll(long waitNs) {
    int ended = queue.poll();
    if (waitNs > 0 || ended > 0) {
      backoff.after(ended);
    }
    return ended;
  }

  @Override
  public void close() throws IOException {
    try (buffer;
        queue) {
      handle.close();
    }
  }
}
