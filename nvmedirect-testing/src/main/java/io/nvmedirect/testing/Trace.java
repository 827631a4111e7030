package io.nvmedirect.testing;

import java.util.ArrayDeque;
import java.util.Deque;

/** What has happened, line by line, and a hash of all of it. */
final class Trace {

  /** Lines that a failure shows. */
  private static final int TAIL = 40;

  private static final long FNV_OFFSET = 0xCBF2_9CE4_8422_2325L;
  private static final long FNV_PRIME = 0x100_0000_01B3L;

  private final SimulatedClock clock;
  private final boolean whole;
  private final Deque<String> lines = new ArrayDeque<>();
  private long hash = FNV_OFFSET;

  /**
   * @param whole whether all lines are kept, and not only the last ones
   */
  Trace(SimulatedClock clock, boolean whole) {
    this.clock = clock;
    this.whole = whole;
  }

  void add(String event) {
    String line = "%15d %s".formatted(clock.nanoTime(), event);
    for (int i = 0; i < line.length(); i++) {
      hash = (hash ^ line.charAt(i)) * FNV_PRIME;
    }
    lines.addLast(line);
    if (!whole && lines.size() > TAIL) {
      lines.removeFirst();
    }
  }

  long hash() {
    return hash;
  }

  String text() {
    return String.join("\n", lines);
  }
}
