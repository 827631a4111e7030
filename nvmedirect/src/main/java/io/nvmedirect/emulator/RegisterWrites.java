package io.nvmedirect.emulator;

/**
 * Register writes on their way from the host's threads to the device's thread, in order. A writer
 * waits when too many are under way, as posted writes on a bus do.
 */
final class RegisterWrites {

  private static final int CAPACITY = 64;

  private final int[] offsets = new int[CAPACITY];
  private final int[] values = new int[CAPACITY];
  private int head;
  private boolean closed;

  /** Volatile so that the device sees a write without taking the lock, and the host its effect. */
  private volatile int count;

  boolean isEmpty() {
    return count == 0;
  }

  synchronized void add(int offset, int value) {
    boolean interrupted = false;
    while (count == CAPACITY && !closed) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (!closed) {
      int at = (head + count) % CAPACITY;
      offsets[at] = offset;
      values[at] = value;
      setCount(count + 1);
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void setCount(int value) {
    count = value;
  }

  /**
   * Takes the writes to the controller; by the device's thread.
   *
   * @return how many there were
   */
  int applyTo(EmulatedController controller) {
    int done = 0;
    while (count != 0) {
      try {
        controller.registerWritten(offsets[head], values[head]);
      } finally {
        remove();
      }
      done++;
    }
    return done;
  }

  private synchronized void remove() {
    head = (head + 1) % CAPACITY;
    setCount(count - 1);
    notifyAll();
  }

  synchronized void close() {
    closed = true;
    notifyAll();
  }
}
