package io.nvmedirect.cli.format;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Byte counts with units; every unit is a power of 1024, and k, kB and KiB are the same. */
public final class Sizes {

  private static final Pattern SIZE =
      Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*(?:([kmgtp])?i?b?)", Pattern.CASE_INSENSITIVE);
  private static final String PREFIXES = "kmgtp";

  private Sizes() {}

  /**
   * Parses a byte count such as {@code 4096}, {@code 4k}, {@code 1MiB} or {@code 1.5g}.
   *
   * @throws IllegalArgumentException if it is none, or no whole number of bytes, or over 2^63 − 1
   */
  public static long parse(String text) {
    Matcher matcher = SIZE.matcher(text.strip());
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'%s' is not a size: write bytes or a number with k, M, G or T, for example 4096, 4k, 1GiB"
              .formatted(text));
    }
    String prefix = matcher.group(2);
    int power = prefix == null ? 0 : PREFIXES.indexOf(prefix.toLowerCase(Locale.ROOT)) + 1;
    try {
      return new BigDecimal(matcher.group(1))
          .multiply(BigDecimal.valueOf(1L << (10 * power)))
          .longValueExact();
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "'%s' is not a whole number of bytes below 8 EiB".formatted(text), e);
    }
  }

  /** For people: {@code 512 B}, {@code 4 KiB}, {@code 1.50 GiB}. */
  public static String format(long bytes) {
    long unit = 1;
    int power = 0;
    while (power < PREFIXES.length() && bytes / unit >= 1024) {
      unit <<= 10;
      power++;
    }
    if (power == 0) {
      return bytes + " B";
    }
    String name = Character.toUpperCase(PREFIXES.charAt(power - 1)) + "iB";
    return bytes % unit == 0
        ? "%d %s".formatted(bytes / unit, name)
        : String.format(Locale.ROOT, "%.2f %s", (double) bytes / unit, name);
  }

  /** For an option: the shortest exact spelling, such as {@code 4k} or {@code 1000}. */
  public static String option(long bytes) {
    long unit = 1;
    int power = 0;
    while (power < PREFIXES.length() && bytes != 0 && bytes % (unit << 10) == 0) {
      unit <<= 10;
      power++;
    }
    return bytes / unit + (power == 0 ? "" : PREFIXES.substring(power - 1, power));
  }
}
