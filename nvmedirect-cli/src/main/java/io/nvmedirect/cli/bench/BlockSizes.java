package io.nvmedirect.cli.bench;

import java.util.List;

/**
 * The sizes of a job's I/Os: each with a share of the I/Os, or a range.
 *
 * @param bytes sizes, ascending
 * @param shares of them, in percent, together 100; for a range empty: multiples of the first size up to the
 *     second, all equally often
 */
public record BlockSizes(List<Integer> bytes, List<Integer> shares) {

  /** All of one size. */
  public static BlockSizes of(int bytes) {
    return new BlockSizes(List.of(bytes), List.of(100));
  }

  /** Multiples of {@code least} up to {@code most}. */
  public static BlockSizes range(int least, int most) {
    return least == most ? of(least) : new BlockSizes(List.of(least, most), List.of());
  }

  public int least() {
    return bytes.getFirst();
  }

  public int most() {
    return bytes.getLast();
  }

  /** A size, by 32 random bits. */
  int choose(int random) {
    if (bytes.size() == 1) {
      return least();
    }
    if (shares.isEmpty()) {
      int steps = most() / least();
      return least() * (1 + (int) ((Integer.toUnsignedLong(random) * steps) >>> 32));
    }
    int percent = (int) ((Integer.toUnsignedLong(random) * 100) >>> 32);
    for (int i = 0; i < shares.size(); i++) {
      percent -= shares.get(i);
      if (percent < 0) {
        return bytes.get(i);
      }
    }
    return most();
  }
}
