package io.nvmedirect.cli.bench;

import java.util.List;

/** How often each block of the region is chosen at random. */
public sealed interface Distribution {

  /** All blocks equally often. */
  record Uniform() implements Distribution {}

  /**
   * A few blocks very often. The frequent ones are scattered over the region.
   *
   * @param theta the exponent, more than 0: the block of rank k is chosen in proportion to k to the power of
   *     minus theta
   */
  record Zipf(double theta) implements Distribution {}

  /**
   * Around the middle of the region.
   *
   * @param deviationPercent the standard deviation, in percent of the region: more than 0, at most 100
   */
  record Normal(double deviationPercent) implements Distribution {}

  /** Zones of the region, from its beginning on, each with its share of the I/Os. */
  record Zoned(List<Zone> zones) implements Distribution {}

  /**
   * A part of the region.
   *
   * @param accessPercent share of the I/Os
   * @param sizePercent share of the region
   */
  record Zone(int accessPercent, int sizePercent) {}
}
