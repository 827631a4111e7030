package io.nvmedirect.compat;

import io.nvmedirect.NvmeHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The asynchronous operations of a handle that are queued and not shown to the device, and the counts
 * that its calls return. Any thread.
 */
final class AioBatch {

  private final NvmeHandle handle;
  private final int capacity;
  private final long commandBytes;

  /** Guards the fields below; under it only those of contexts. */
  private final Object lock = new Object();

  /** Queued and not shown to the device, as far as this handle has done it. */
  private final List<NVMED_AIO_CTX> queued = new ArrayList<>();

  private long commands;
  private int submitted;

  /** Contexts whose callbacks have returned. */
  private final AtomicInteger completed = new AtomicInteger();

  /**
   * @param capacity commands that fit in a queue
   */
  AioBatch(NvmeHandle handle, int capacity) {
    this.handle = handle;
    this.capacity = capacity;
    this.commandBytes = handle.device().maxTransferBytes();
  }

  /** A context was queued; a full batch goes to the device. */
  void queued(NVMED_AIO_CTX context, long lengthBytes) {
    synchronized (lock) {
      submitted++;
      queued.add(context);
      commands += (lengthBytes + commandBytes - 1) / commandBytes;
      if (commands < capacity) {
        return;
      }
      markProcessed();
    }
    ring();
  }

  /** Shows what is queued to the device; gives the contexts queued since the last time. */
  int submit() {
    int count;
    synchronized (lock) {
      markProcessed();
      count = submitted;
      submitted = 0;
    }
    handle.ring();
    return count;
  }

  /** Shows what is queued to the device and takes what is done; gives what was since the last time. */
  int complete() {
    synchronized (lock) {
      markProcessed();
    }
    handle.poll();
    return completed.getAndSet(0);
  }

  /** A context is done, and its callback has returned. */
  void completed() {
    completed.incrementAndGet();
  }

  private void markProcessed() {
    for (NVMED_AIO_CTX context : queued) {
      context.process(this);
    }
    queued.clear();
    commands = 0;
  }

  private void ring() {
    try {
      handle.ring();
    } catch (IllegalStateException e) {
      // Another thread has destroyed the handle, and its queue: that has waited for this operation.
      LastError.set(e);
    }
  }
}
