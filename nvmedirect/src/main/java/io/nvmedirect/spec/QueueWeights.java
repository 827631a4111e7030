package io.nvmedirect.spec;

/**
 * How weighted round robin shares a busy controller among the priorities of queues (NVMe 1.4, section
 * 4.13.2): the commands that all queues of a priority together may begin in one round. Urgent queues have
 * no weight, for they go first.
 *
 * @param high 1 to 256
 * @param medium 1 to 256
 * @param low 1 to 256
 */
public record QueueWeights(int high, int medium, int low) {

  private static final int MOST = 256;

  /**
   * 32, 16 and 8: each priority has twice the share of the next. A low command waits for at most 48 others
   * of the round, and a queue still gets its commands begun in batches of 8 or more.
   */
  public static final QueueWeights DEFAULT = new QueueWeights(32, 16, 8);

  public QueueWeights {
    check("high", high);
    check("medium", medium);
    check("low", low);
  }

  private static void check(String name, int weight) {
    if (weight < 1 || weight > MOST) {
      throw new IllegalArgumentException(
          "a weight is 1 to %d: %s=%d".formatted(MOST, name, weight));
    }
  }
}
