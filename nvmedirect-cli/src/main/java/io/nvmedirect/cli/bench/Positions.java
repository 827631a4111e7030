package io.nvmedirect.cli.bench;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import org.apache.commons.rng.sampling.distribution.RejectionInversionZipfSampler;
import org.apache.commons.rng.sampling.distribution.SharedStateDiscreteSampler;

/** Where a worker's I/Os go. */
final class Positions {

  private final long offset;
  private final long sizeBytes;
  private final int unitBytes;
  private final LongSupplier unit;
  private final boolean random;

  /** Of reads and of writes: as with fio, each of them is sequential. */
  private final long[] next = new long[2];

  /**
   * @param sizeBytes of the region, at least as long as the longest I/O
   * @param share the worker's part of a sequential workload, from 0 on, of {@code shares}: where it begins
   */
  Positions(Job.Pattern pattern, long sizeBytes, int share, int shares, SplittableRandom bits) {
    this.offset = pattern.offset();
    this.unitBytes = pattern.blocks().least();
    this.sizeBytes = sizeBytes;
    this.random = pattern.workload().random;
    long units = sizeBytes / unitBytes;
    Arrays.fill(next, units / shares * share * unitBytes);
    this.unit = random ? units(pattern, units, bits) : () -> 0;
  }

  private static LongSupplier units(Job.Pattern pattern, long units, SplittableRandom bits) {
    return switch (pattern.distribution()) {
      case Distribution.Uniform _ ->
          pattern.repeats()
              ? () -> Math.unsignedMultiplyHigh(bits.nextLong(), units)
              : eachOnce(units, bits);
      case Distribution.Zipf zipf -> zipf(zipf.theta(), units, pattern.seed(), bits);
      case Distribution.Normal normal -> normal(normal.deviationPercent(), units, bits);
      case Distribution.Zoned zoned -> zoned(zoned, units, bits);
    };
  }

  /** All of them in a random order, then all in another one. */
  private static LongSupplier eachOnce(long units, SplittableRandom bits) {
    Permutation order = new Permutation(units, bits.nextLong());
    return new LongSupplier() {
      private long place;

      @Override
      public long getAsLong() {
        if (place == units) {
          place = 0;
          order.rekey(bits.nextLong());
        }
        return order.at(place++);
      }
    };
  }

  /** Scattered by the seed of the job, so that its workers agree on what is frequent. */
  private static LongSupplier zipf(double theta, long units, long seed, SplittableRandom bits) {
    Permutation scattered = new Permutation(units, seed);
    SharedStateDiscreteSampler ranks =
        RejectionInversionZipfSampler.of(
            bits::nextLong, (int) Math.min(units, Integer.MAX_VALUE), theta);
    return () -> scattered.at(ranks.sample() - 1L);
  }

  private static LongSupplier normal(double percent, long units, SplittableRandom bits) {
    double deviation = units * percent / 100;
    return () -> {
      while (true) {
        long at = (long) Math.floor(units / 2.0 + bits.nextGaussian() * deviation);
        if (at >= 0 && at < units) {
          return at;
        }
      }
    };
  }

  private static LongSupplier zoned(Distribution.Zoned zoned, long units, SplittableRandom bits) {
    int[] zoneOf = new int[100];
    int zones = zoned.zones().size();
    long[] first = new long[zones];
    long[] count = new long[zones];
    int filled = 0;
    int percent = 0;
    for (int i = 0; i < zones; i++) {
      Distribution.Zone zone = zoned.zones().get(i);
      first[i] = units * percent / 100;
      percent += zone.sizePercent();
      count[i] = Math.max(1, units * percent / 100 - first[i]);
      for (int j = 0; j < zone.accessPercent() && filled < zoneOf.length; j++) {
        zoneOf[filled++] = i;
      }
    }
    return () -> {
      int zone = zoneOf[(int) Math.unsignedMultiplyHigh(bits.nextLong(), 100)];
      long at = first[zone] + Math.unsignedMultiplyHigh(bits.nextLong(), count[zone]);
      return Math.min(at, units - 1);
    };
  }

  /** The position of the next I/O, in bytes. */
  long next(int lengthBytes, boolean write) {
    if (random) {
      long last = (sizeBytes - lengthBytes) / unitBytes * unitBytes;
      return offset + Math.min(unit.getAsLong() * unitBytes, last);
    }
    int direction = write ? 1 : 0;
    if (next[direction] + lengthBytes > sizeBytes) {
      next[direction] = 0;
    }
    long position = offset + next[direction];
    next[direction] += lengthBytes;
    return position;
  }
}
