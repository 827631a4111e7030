package io.nvmedirect.cli.bench;

/**
 * How many I/Os were together: in flight when each of them was posted, in each submission, and in each poll that found
 * some. The bounds are fio's: levels of 1, 2 to 3, 4 to 7 and so on; calls with up to 4, 8, 16 and so on.
 */
public final class Depths {

  /** fio's, of levels and of calls. */
  static final int CLASSES = 7;

  private final long[] levels;
  private final long[] submitted;
  private final long[] completed;

  Depths() {
    this(new long[CLASSES], new long[CLASSES], new long[CLASSES]);
  }

  private Depths(long[] levels, long[] submitted, long[] completed) {
    this.levels = levels;
    this.submitted = submitted;
    this.completed = completed;
  }

  /** An I/O was posted. */
  void posted(int inFlight) {
    levels[Math.min(CLASSES - 1, 31 - Integer.numberOfLeadingZeros(inFlight))]++;
  }

  void submitted(int count) {
    submitted[callClass(count)]++;
  }

  void completed(int count) {
    completed[callClass(count)]++;
  }

  /** 0; up to 4, 8, 16, 32, 64; more. */
  private static int callClass(int count) {
    return count <= 4
        ? Integer.signum(count)
        : Math.min(CLASSES - 1, 31 - Integer.numberOfLeadingZeros(count - 1));
  }

  Depths plus(Depths other) {
    return new Depths(
        sum(levels, other.levels),
        sum(submitted, other.submitted),
        sum(completed, other.completed));
  }

  private static long[] sum(long[] a, long[] b) {
    long[] sum = a.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += b[i];
    }
    return sum;
  }

  /** Shares of each level in percent. */
  double[] levels() {
    return percent(levels);
  }

  double[] submitted() {
    return percent(submitted);
  }

  double[] completed() {
    return percent(completed);
  }

  private static double[] percent(long[] counts) {
    double total = 0;
    for (long count : counts) {
      total += count;
    }
    double[] percent = new double[counts.length];
    for (int i = 0; i < percent.length; i++) {
      percent[i] = total == 0 ? 0 : 100 * counts[i] / total;
    }
    return percent;
  }
}
