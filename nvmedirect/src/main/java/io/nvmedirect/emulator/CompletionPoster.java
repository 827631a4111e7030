package io.nvmedirect.emulator;

/** Posts completions and signals one interrupt per batch of them. Owned by the engine. */
final class CompletionPoster {

  private final Interrupts interrupts;
  private final DeviceCompletionQueue[] posted = new DeviceCompletionQueue[Interrupts.VECTORS];
  private int count;
  private boolean failed;

  CompletionPoster(Interrupts interrupts) {
    this.interrupts = interrupts;
  }

  /** Posts to the queue's completion queue, which must have room. */
  void post(DeviceSubmissionQueue queue, int cid, int result, int status) {
    DeviceCompletionQueue completions = queue.completions;
    if (!completions.post(result, queue.head(), queue.id, cid, status)) {
      failed = true;
      return;
    }
    if (completions.vector != DeviceCompletionQueue.NO_VECTOR && !completions.posted) {
      if (count == posted.length) {
        signal();
      }
      completions.posted = true;
      posted[count++] = completions;
    }
  }

  /** Whether the memory of a completion queue was gone. */
  boolean hasFailed() {
    return failed;
  }

  /** Signals the vectors of the queues that got entries since the last call. */
  void signal() {
    for (int i = 0; i < count; i++) {
      posted[i].posted = false;
      interrupts.signal(posted[i].vector);
    }
    count = 0;
  }

  void reset() {
    count = 0;
    failed = false;
  }
}
