package io.nvmedirect.cli.bench;

import java.util.ArrayList;
import java.util.List;

/** Values of fio's {@code random_distribution}. */
final class DistributionText {

  private static final String KEY = "random_distribution";
  private static final String EXPECTED =
      "random, zipf:1.2, normal:20 (a deviation in percent) or zoned:50/5:30/15:20/80 (shares of the I/Os and of"
          + " the size)";
  private static final double FIO_THETA = 1.1;

  private DistributionText() {}

  static Distribution parse(String text) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    String value = colon < 0 ? "" : text.substring(colon + 1);
    return switch (name) {
      case "random" -> new Distribution.Uniform();
      case "zipf" -> new Distribution.Zipf(value.isEmpty() ? FIO_THETA : positive(text, value));
      case "normal" -> normal(text, value);
      case "zoned" -> zoned(text, value);
      default -> throw FioValues.bad(KEY, text, EXPECTED);
    };
  }

  /** What {@link #parse} reads. */
  static String format(Distribution distribution) {
    return switch (distribution) {
      case Distribution.Uniform() -> "random";
      case Distribution.Zipf(double theta) -> "zipf:" + FioValues.plain(theta);
      case Distribution.Normal(double percent) -> "normal:" + FioValues.plain(percent);
      case Distribution.Zoned(List<Distribution.Zone> zones) ->
          "zoned:"
              + String.join(
                  ":",
                  zones.stream()
                      .map(zone -> zone.accessPercent() + "/" + zone.sizePercent())
                      .toList());
    };
  }

  private static double positive(String text, String value) {
    if (!FioValues.isNumber(value)) {
      throw FioValues.bad(KEY, text, EXPECTED);
    }
    double number = Double.parseDouble(value);
    if (number <= 0) {
      throw FioValues.bad(KEY, text, "the number is more than 0");
    }
    return number;
  }

  private static Distribution normal(String text, String value) {
    double percent = positive(text, value);
    if (percent > 100) {
      throw FioValues.bad(KEY, text, "the deviation is at most 100 percent");
    }
    return new Distribution.Normal(percent);
  }

  private static Distribution zoned(String text, String value) {
    String[] directions = FioValues.directions(value);
    if (!directions[0].equals(directions[1])) {
      throw FioValues.bad(KEY, text, "reads and writes have the same zones here");
    }
    String[] parts = directions[0].split(":", -1);
    int[] access = new int[parts.length];
    int[] size = new int[parts.length];
    for (int i = 0; i < parts.length; i++) {
      String[] shares = parts[i].split("/", -1);
      if (shares.length > 2) {
        throw FioValues.bad(KEY, text, EXPECTED);
      }
      access[i] = share(text, shares[0]);
      size[i] = shares.length < 2 ? -1 : share(text, shares[1]);
    }
    complete(text, access);
    complete(text, size);
    List<Distribution.Zone> zones = new ArrayList<>();
    for (int i = 0; i < parts.length; i++) {
      zones.add(new Distribution.Zone(access[i], size[i]));
    }
    return new Distribution.Zoned(List.copyOf(zones));
  }

  /** A percentage; -1 for one that is left out. */
  private static int share(String text, String percent) {
    if (percent.isBlank()) {
      return -1;
    }
    if (!percent.strip().matches("\\d{1,3}")) {
      throw FioValues.bad(KEY, text, EXPECTED);
    }
    return Integer.parseInt(percent.strip());
  }

  /** Shares that were left out get what the others leave of 100. */
  private static void complete(String text, int[] shares) {
    int left = 100;
    int open = 0;
    for (int share : shares) {
      left -= Math.max(share, 0);
      open += share < 0 ? 1 : 0;
    }
    if (left < 0 || (left > 0 && open == 0)) {
      throw FioValues.bad(
          KEY, text, "the percentages are %d together, not 100".formatted(100 - left));
    }
    for (int i = 0; i < shares.length; i++) {
      if (shares[i] < 0) {
        shares[i] = left / open;
        left -= shares[i];
        open--;
      }
    }
  }
}
