package io.nvmedirect.cli.bench;

/**
 * A permutation of the numbers below a bound, without a table: a Feistel network over the next power of four,
 * applied again to a number that is not below the bound.
 */
final class Permutation {

  private static final int ROUNDS = 4;

  private final long bound;
  private final int halfBits;
  private final long halfMask;
  private final long[] keys = new long[ROUNDS];

  /** Permutes the numbers from 0 to below {@code bound}, which is at least 1; each key gives another order. */
  Permutation(long bound, long key) {
    this.bound = bound;
    this.halfBits = Math.max(1, (65 - Long.numberOfLeadingZeros(bound - 1)) / 2);
    this.halfMask = (1L << halfBits) - 1;
    rekey(key);
  }

  /** Changes to the order of another key. */
  void rekey(long key) {
    for (int i = 0; i < ROUNDS; i++) {
      keys[i] = mix(key + i);
    }
  }

  /** The number at a place of the order. */
  long at(long place) {
    long number = place;
    do {
      number = step(number);
    } while (number >= bound);
    return number;
  }

  private long step(long number) {
    long left = number >>> halfBits;
    long right = number & halfMask;
    for (long key : keys) {
      long next = left ^ (mix(right ^ key) & halfMask);
      left = right;
      right = next;
    }
    return left << halfBits | right;
  }

  /** The finalizer of SplitMix64 without its last shift: enough for an order that looks random. */
  private static long mix(long value) {
    long x = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
    x = (x ^ (x >>> 27)) * 0x94d049bb133111ebL;
    return x ^ (x >>> 31);
  }
}
