package io.nvmedirect.cli.bench;

import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** A set of unit numbers, more of them than a {@link BitSet} has room for: a disk may have 2^31 blocks. */
final class UnitSet {

  /** 2^20 units, 128 KiB, made when the first of them is set. */
  private static final int SHIFT = 20;

  private static final int EACH = 1 << SHIFT;

  private @Nullable BitSet[] parts = new BitSet[0];

  /** Adds {@code count} units from {@code first} on. */
  void set(long first, int count) {
    long unit = first;
    long end = first + count;
    while (unit < end) {
      int from = (int) (unit & (EACH - 1));
      int to = (int) Math.min(EACH, from + end - unit);
      part((int) (unit >> SHIFT)).set(from, to);
      unit += to - from;
    }
  }

  private BitSet part(int number) {
    if (number >= parts.length) {
      parts = Arrays.copyOf(parts, Math.max(number + 1, 2 * parts.length));
    }
    BitSet part = parts[number];
    if (part == null) {
      part = new BitSet(EACH);
      parts[number] = part;
    }
    return part;
  }

  boolean get(long unit) {
    int number = (int) (unit >> SHIFT);
    BitSet part = number < parts.length ? parts[number] : null;
    return part != null && part.get((int) (unit & (EACH - 1)));
  }

  /** The first unit at or behind {@code unit}; -1 if there is none. */
  long next(long unit) {
    int from = (int) (unit & (EACH - 1));
    for (int number = (int) (unit >> SHIFT); number < parts.length; number++) {
      BitSet part = parts[number];
      int next = part == null ? -1 : part.nextSetBit(from);
      if (next >= 0) {
        return ((long) number << SHIFT) + next;
      }
      from = 0;
    }
    return -1;
  }
}
