package io.nvmedirect.emulator;

import io.nvmedirect.spec.Status;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Commands that were executed and complete later (a heap by due time, of fixed size), and commands
 * that a test has dropped. An entry of the completion queue is reserved for each of the former. Owned
 * by the engine.
 */
final class InFlight {

  private static final int CAPACITY = 4096;

  private record Dropped(DeviceSubmissionQueue queue, int cid) {}

  private final CompletionPoster poster;
  private final long[] dueNs = new long[CAPACITY];
  private final @Nullable DeviceSubmissionQueue[] queues = new DeviceSubmissionQueue[CAPACITY];
  private final int[] cids = new int[CAPACITY];
  private final int[] statuses = new int[CAPACITY];
  private final List<Dropped> dropped = new ArrayList<>();
  private int count;

  InFlight(CompletionPoster poster) {
    this.poster = poster;
  }

  boolean isFull() {
    return count == CAPACITY;
  }

  boolean isEmpty() {
    return count == 0;
  }

  /** When the next command completes; there must be one. */
  long nextDueNs() {
    return dueNs[0];
  }

  void add(long due, DeviceSubmissionQueue queue, int cid, int status) {
    queue.completions.reserved++;
    int i = count++;
    set(i, due, queue, cid, status);
    siftUp(i);
  }

  void drop(DeviceSubmissionQueue queue, int cid) {
    dropped.add(new Dropped(queue, cid));
  }

  /** Whether there are commands of I/O queues. */
  boolean hasIoCommands() {
    for (int i = 0; i < count; i++) {
      if (queue(i).id != 0) {
        return true;
      }
    }
    return dropped.stream().anyMatch(command -> command.queue.id != 0);
  }

  /**
   * Completes what is due.
   *
   * @return how many commands that were
   */
  int completeDue(long nowNs) {
    int done = 0;
    while (count > 0 && dueNs[0] - nowNs <= 0) {
      complete(0, statuses[0]);
      done++;
    }
    return done;
  }

  /** Completes everything, due or not. */
  void completeAll() {
    while (count > 0) {
      complete(0, statuses[0]);
    }
  }

  /**
   * Ends a command with Command Abort Requested.
   *
   * @return whether it was in flight and is aborted
   */
  boolean abort(int sqid, int cid) {
    for (int i = 0; i < count; i++) {
      if (queue(i).id == sqid && cids[i] == cid) {
        complete(i, Status.ABORT_REQUESTED);
        return true;
      }
    }
    for (int i = 0; i < dropped.size(); i++) {
      Dropped command = dropped.get(i);
      if (command.queue.id == sqid && command.cid == cid) {
        if (!hasRoomBesideAbort(command.queue.completions)) {
          return false;
        }
        dropped.remove(i);
        poster.post(command.queue, cid, 0, Status.ABORT_REQUESTED);
        return true;
      }
    }
    return false;
  }

  /** The Abort itself needs an entry, maybe of the same queue. */
  private static boolean hasRoomBesideAbort(DeviceCompletionQueue completions) {
    completions.reserved++;
    boolean room = completions.hasRoom();
    completions.reserved--;
    return room;
  }

  /**
   * Ends an Asynchronous Event Request with Command Abort Requested, if there is room for that beside
   * the completion of the Abort.
   */
  boolean endEventRequest(DeviceSubmissionQueue admin, AsyncEvents events, int cid) {
    if (!hasRoomBesideAbort(admin.completions) || !events.abort(cid)) {
      return false;
    }
    poster.post(admin, cid, 0, Status.ABORT_REQUESTED);
    return true;
  }

  /** Ends the commands of a queue that is deleted. */
  void abortAll(DeviceSubmissionQueue queue) {
    for (int i = count - 1; i >= 0; i--) {
      if (i < count && queue(i).id == queue.id) {
        complete(i, Status.ABORTED_SQ_DELETION);
        i = count; // the order has changed
      }
    }
    dropped.removeIf(command -> command.queue.id == queue.id);
  }

  void clear() {
    while (count > 0) {
      queues[--count] = null;
    }
    dropped.clear();
  }

  private DeviceSubmissionQueue queue(int i) {
    DeviceSubmissionQueue queue = queues[i];
    if (queue == null) {
      throw new IllegalStateException("no command at " + i);
    }
    return queue;
  }

  private void complete(int i, int status) {
    DeviceSubmissionQueue queue = queue(i);
    int cid = cids[i];
    remove(i);
    queue.completions.reserved--;
    poster.post(queue, cid, 0, status);
  }

  private void remove(int i) {
    int last = --count;
    if (i != last) {
      set(i, dueNs[last], queue(last), cids[last], statuses[last]);
      siftDown(i);
      siftUp(i);
    }
    queues[last] = null;
  }

  private void siftUp(int from) {
    int i = from;
    while (i > 0) {
      int parent = (i - 1) >>> 1;
      if (dueNs[parent] - dueNs[i] <= 0) {
        return;
      }
      swap(i, parent);
      i = parent;
    }
  }

  private void siftDown(int from) {
    int i = from;
    while (true) {
      int child = 2 * i + 1;
      if (child >= count) {
        return;
      }
      if (child + 1 < count && dueNs[child + 1] - dueNs[child] < 0) {
        child++;
      }
      if (dueNs[i] - dueNs[child] <= 0) {
        return;
      }
      swap(i, child);
      i = child;
    }
  }

  private void swap(int a, int b) {
    long due = dueNs[a];
    DeviceSubmissionQueue queue = queue(a);
    int cid = cids[a];
    int status = statuses[a];
    set(a, dueNs[b], queue(b), cids[b], statuses[b]);
    set(b, due, queue, cid, status);
  }

  private void set(int i, long due, DeviceSubmissionQueue queue, int cid, int status) {
    dueNs[i] = due;
    queues[i] = queue;
    cids[i] = cid;
    statuses[i] = status;
  }
}
