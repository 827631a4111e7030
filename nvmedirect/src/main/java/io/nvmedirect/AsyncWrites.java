package io.nvmedirect;

/**
 * The asynchronous writes of a handle on one queue that are not done on the device. They belong to
 * epochs: a flush ends one and waits for its writes, and not for those that others go on to begin.
 */
final class AsyncWrites {

  /** Of even and of odd epochs: no epoch begins before the one before the last is over. */
  private final OperationCount even;

  private final OperationCount odd;
  private volatile int epoch;

  AsyncWrites(boolean confined) {
    this.even = new OperationCount(confined);
    this.odd = new OperationCount(confined);
  }

  /** Counts a write; returns its epoch, which {@link #end} wants to know. */
  int begin() {
    // Should the epoch end meanwhile, the write is counted in it or not: it begins just now.
    int current = epoch;
    of(current).add(1);
    return current;
  }

  void end(int writeEpoch) {
    of(writeEpoch).add(-1);
  }

  /** Ends the epoch, which it returns; one thread at a time, once the epoch before has no writes. */
  @SuppressWarnings("NonAtomicVolatileUpdate") // one thread at a time
  int endEpoch() {
    return epoch++;
  }

  /** Writes of an epoch that are not done. */
  int left(int ofEpoch) {
    return of(ofEpoch).get();
  }

  private OperationCount of(int someEpoch) {
    return (someEpoch & 1) == 0 ? even : odd;
  }
}
