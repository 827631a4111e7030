package io.nvmedirect;

/**
 * How much the long tests do: the configuration parameter {@code nvmedirect.operations}, for machines
 * that are slower than a processor of its own.
 *
 * @param count of one random sequence, at least 1
 */
public record Operations(int count) {

  static final int DEFAULT = 50_000;

  private static final int LEAST = 8;

  /** The rounds of a loop that has so many by default, in proportion; a few at the least. */
  public int rounds(int byDefault) {
    return (int) Math.max(Math.min(LEAST, byDefault), (long) byDefault * count / DEFAULT);
  }
}
