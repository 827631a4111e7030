package io.nvmedirect.driver;

import io.nvmedirect.concurrent.IdleStrategy;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.AdminCommands;
import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The admin queue of a controller. Any thread may execute a command; one at a time does, and waits
 * for it, beside the requests for events, which are in flight all the time. The lock owns the queue pair
 * and the scratch buffer.
 */
final class AdminQueue implements AdminCommands {

  private static final int SCRATCH_BYTES = 4096;

  private final Controller controller;
  private final QueuePair pair;
  private final DmaBuffer scratch;
  private final ReentrantLock lock = new ReentrantLock();
  private final IdleStrategy idleStrategy;

  AdminQueue(Controller controller, QueuePair pair) throws IOException {
    this.controller = controller;
    this.pair = pair;
    this.idleStrategy = new IdleStrategy(controller.clock());
    this.scratch = scratch(controller, pair);
  }

  /** The pair is the admin queue's to close, also if there is no memory for the rest of it. */
  private static DmaBuffer scratch(Controller controller, QueuePair pair) throws IOException {
    try {
      return DmaBuffer.allocate(controller.dma(), SCRATCH_BYTES);
    } catch (IOException | RuntimeException e) {
      pair.close();
      throw e;
    }
  }

  QueuePair pair() {
    return pair;
  }

  ReentrantLock lock() {
    return lock;
  }

  @Override
  public int execute(String what, Encoder command, @Nullable DmaBuffer data, long lengthBytes)
      throws IOException {
    return execute(what, command, data, lengthBytes, controller.timeoutNs());
  }

  /** Like the method above, with a deadline of its own. */
  int execute(
      String what, Encoder command, @Nullable DmaBuffer data, long lengthBytes, long timeoutNs)
      throws IOException {
    lock.lock();
    try {
      controller.checkOpen();
      long at = pair.claim();
      if (at == QueuePair.FULL) {
        throw new NvmeException(controller.name() + ": no admin command can be sent: " + what);
      }
      command.encode(pair.entries(), at);
      Pending pending = new Pending();
      pair.post(data, 0, lengthBytes, pending);
      pair.ring();
      await(pending, what, timeoutNs);
      if (pending.status != 0) {
        throw new NvmeException(controller.name() + ": " + what, pending.status);
      }
      return pending.result;
    } finally {
      lock.unlock();
    }
  }

  private void await(Pending pending, String what, long timeoutNs) {
    long start = controller.clock().nanoTime();
    for (int idle = 0; !pending.done; idle++) {
      if (pair.reap(pair.capacity()) > 0) {
        continue;
      }
      boolean lost = controller.isLost();
      if (lost || controller.clock().nanoTime() - start > timeoutNs) {
        controller.reset(
            lost
                ? "it is gone during " + what
                : "%s did not end within %d ms".formatted(what, timeoutNs / 1_000_000));
        if (!pending.done) {
          // There was no reset: after one, what is in flight are requests of its own.
          pair.failAll(Status.ABORTED_BY_HOST);
        }
        return;
      }
      idleStrategy.idle(idle);
    }
  }

  /**
   * Executes a command that returns a data structure.
   *
   * @param lengthBytes at most 4096
   */
  <T> T fetch(String what, Encoder command, int lengthBytes, Function<MemorySegment, T> decoder)
      throws IOException {
    lock.lock();
    try {
      scratch.segment().fill((byte) 0);
      execute(what, command, scratch, lengthBytes);
      return decoder.apply(scratch.segment().asSlice(0, lengthBytes));
    } finally {
      lock.unlock();
    }
  }

  void close() {
    pair.close();
    scratch.close();
  }

  /** A command that a thread waits for; the lock owns it. */
  private static final class Pending implements CompletionListener {
    boolean done;
    int status;
    int result;

    @Override
    public void onCompletion(int status, int result) {
      this.status = status;
      this.result = result;
      done = true;
    }
  }
}
