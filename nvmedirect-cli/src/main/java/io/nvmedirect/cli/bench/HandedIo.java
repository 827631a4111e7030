package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An engine whose I/Os end on threads of its own, which hand them to the worker. */
abstract class HandedIo extends PathIo {

  /** One I/O in flight; written by the thread that hands it over, before it does. */
  private static final class Ended {
    private final int slot;
    private long lengthBytes;
    private long position;
    private long transferred;
    private @Nullable Throwable reason;

    Ended(int slot) {
      this.slot = slot;
    }
  }

  private final Listener listener;
  private final Ended[] slots;
  private final ArrayBlockingQueue<Ended> handed;

  HandedIo(int depth, int blockBytes, Listener listener) {
    super(depth, blockBytes);
    this.listener = listener;
    this.handed = new ArrayBlockingQueue<>(depth);
    this.slots = new Ended[depth];
    for (int i = 0; i < depth; i++) {
      slots[i] = new Ended(i);
    }
  }

  /** Notes what is to be transferred, on the worker's thread. */
  final void began(int slot, int lengthBytes, long position) {
    slots[slot].lengthBytes = lengthBytes;
    slots[slot].position = position;
  }

  /** Hands an I/O over, from any thread. */
  final void ended(int slot, long transferred, @Nullable Throwable reason) {
    Ended ended = slots[slot];
    ended.transferred = transferred;
    ended.reason = reason;
    // There is room for each slot.
    handed.add(ended);
  }

  @Override
  public final int poll(long waitNs) throws IOException {
    try {
      int count = 0;
      // Not for ever, should I/Os end as fast as they are begun.
      while (count < slots.length) {
        Ended ended = count == 0 ? handed.poll(waitNs, TimeUnit.NANOSECONDS) : handed.poll();
        if (ended == null) {
          break;
        }
        tell(ended);
        count++;
      }
      return count;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private void tell(Ended ended) {
    Throwable reason = ended.reason;
    if (reason != null) {
      listener.failed(
          ended.slot, reason instanceof IOException e ? e : new IOException(reason.toString()));
    } else if (ended.transferred != ended.lengthBytes) {
      listener.failed(
          ended.slot,
          new IOException(
              "%d of %d bytes were transferred at position %d"
                  .formatted(ended.transferred, ended.lengthBytes, ended.position)));
    } else {
      listener.completed(ended.slot);
    }
  }
}
