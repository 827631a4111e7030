package io.nvmedirect.emulator;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * The interrupt vectors and their mask (INTMS and INTMC, NVMe 1.4, sections 3.1.3 and 3.1.4: vectors
 * 0 to 31). A vector that is signalled while masked is delivered when the mask is cleared.
 */
final class Interrupts {

  /** One for each queue pair, the admin queue's included. */
  static final int VECTORS = 65;

  private static final int MASKABLE = 32;

  private final IntConsumer signal;
  private final AtomicInteger mask = new AtomicInteger();
  private final AtomicInteger pending = new AtomicInteger();

  /**
   * @param signal signals the vector with an index to the host
   */
  Interrupts(IntConsumer signal) {
    this.signal = signal;
  }

  int mask() {
    return mask.get();
  }

  void mask(int bits) {
    mask.getAndUpdate(old -> old | bits);
  }

  void unmask(int bits) {
    mask.getAndUpdate(old -> old & ~bits);
    deliver(bits);
  }

  /** Nothing is masked or pending, as after a reset. */
  void reset() {
    mask.set(0);
    pending.set(0);
  }

  void signal(int vector) {
    if (vector >= MASKABLE || (mask.get() & 1 << vector) == 0) {
      signal.accept(vector);
      return;
    }
    int bit = 1 << vector;
    pending.getAndUpdate(old -> old | bit);
    // Looks at the mask again so that an unmask that came before the bit was set loses nothing.
    deliver(bit & ~mask.get());
  }

  private void deliver(int bits) {
    int due = pending.getAndUpdate(old -> old & ~bits) & bits;
    while (due != 0) {
      int vector = Integer.numberOfTrailingZeros(due);
      due &= due - 1;
      signal.accept(vector);
    }
  }
}
