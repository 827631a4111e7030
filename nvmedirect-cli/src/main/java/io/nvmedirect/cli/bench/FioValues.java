package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Sizes;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Values as fio's job files spell them. What is none of them is an IllegalArgumentException such as {@code
 * rwmixread=120: 0 to 100}.
 */
final class FioValues {

  private static final Pattern TIME =
      Pattern.compile(
          "(\\d{1,12}(?:\\.\\d{1,9})?)\\s*(us|usec|ms|msec|s|sec|m|h|d)?",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern NUMBER = Pattern.compile("\\d{1,12}(?:\\.\\d{1,30})?");
  private static final BigDecimal MOST_NS = BigDecimal.valueOf(Long.MAX_VALUE);

  private FioValues() {}

  static IllegalArgumentException bad(String key, String value, String expected) {
    return new IllegalArgumentException(
        value.isEmpty() ? key + ": " + expected : key + "=" + value + ": " + expected);
  }

  /** A boolean; without a value it is true. */
  static boolean flag(String key, String value) {
    return switch (value) {
      case "", "1", "true" -> true;
      case "0", "false" -> false;
      default -> throw bad(key, value, "0 or 1");
    };
  }

  /** Bytes; {@code 100%} is 0, for all that there is. */
  static long size(String key, String value) {
    if (value.equals("100%")) {
      return 0;
    }
    if (value.endsWith("%")) {
      throw bad(key, value, "bytes such as 4096, 4k, 1g; percent only as 100%");
    }
    return bytes(key, value);
  }

  static long bytes(String key, String value) {
    try {
      return value.startsWith("0x") ? Long.decode(value) : Sizes.parse(value);
    } catch (IllegalArgumentException e) {
      throw (IllegalArgumentException) bad(key, value, "bytes such as 4096, 4k, 1g").initCause(e);
    }
  }

  static int count(String key, String value, int least, int most) {
    long count;
    try {
      count = value.startsWith("0x") ? Long.decode(value) : Sizes.parse(value);
    } catch (IllegalArgumentException _) {
      count = -1;
    }
    if (count < least || count > most) {
      throw bad(key, value, least + " to " + most);
    }
    return (int) count;
  }

  /** Whether it is a number of digits, with or without a decimal point. */
  static boolean isNumber(String value) {
    return NUMBER.matcher(value).matches();
  }

  /** A number without an exponent. */
  static String plain(double number) {
    return BigDecimal.valueOf(number).stripTrailingZeros().toPlainString();
  }

  /** A time whose unit is {@code unit} if the value has none. */
  static Duration time(String key, String value, String unit) {
    Matcher matcher = TIME.matcher(value);
    if (matcher.matches()) {
      String given = matcher.group(2) == null ? unit : matcher.group(2).toLowerCase(Locale.ROOT);
      BigDecimal ns =
          new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(nanoseconds(given)));
      if (ns.compareTo(MOST_NS) <= 0) {
        return Duration.ofNanos(ns.longValue());
      }
    }
    throw bad(key, value, "a number with us, ms, s, m, h or d; without one it is " + unit);
  }

  private static long nanoseconds(String unit) {
    return switch (unit) {
      case "us", "usec" -> 1_000;
      case "ms", "msec" -> 1_000_000;
      case "m" -> 60_000_000_000L;
      case "h" -> 3_600_000_000_000L;
      case "d" -> 86_400_000_000_000L;
      default -> 1_000_000_000;
    };
  }

  /**
   * Splits a value of which fio has one each for reads, writes and trims, separated by commas.
   *
   * @return that of reads and that of writes; a value without a comma is for both, a part that is missing is
   *     empty
   */
  static String[] directions(String value) {
    String[] parts = value.split(",", -1);
    return new String[] {parts[0].strip(), parts.length == 1 ? parts[0].strip() : parts[1].strip()};
  }
}
