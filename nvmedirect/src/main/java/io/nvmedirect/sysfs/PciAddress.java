package io.nvmedirect.sysfs;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The address of a function on a PCI bus.
 *
 * @param domain 0, but for machines with several; Intel VMD has 0x10000 and more
 * @param bus 0 to 255
 * @param device 0 to 31
 * @param function 0 to 7
 */
public record PciAddress(int domain, int bus, int device, int function)
    implements Comparable<PciAddress> {

  private static final Pattern ADDRESS =
      Pattern.compile(
          "(?:pci:)?(?:(\\p{XDigit}{4,8}):)?(\\p{XDigit}{2}):([01]\\p{XDigit})\\.([0-7])");

  /**
   * Parses {@code 0000:01:00.0}, {@code 01:00.0} (of domain 0) or either after {@code pci:}.
   *
   * @throws IllegalArgumentException if it is none of them
   */
  public static PciAddress parse(String text) {
    Matcher matcher = ADDRESS.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'%s' is not a PCI address: write domain:bus:device.function in hexadecimal, for example 0000:01:00.0 or 01:00.0"
              .formatted(text));
    }
    String domain = matcher.group(1);
    return new PciAddress(
        domain == null ? 0 : hexadecimal(domain),
        hexadecimal(matcher.group(2)),
        hexadecimal(matcher.group(3)),
        hexadecimal(matcher.group(4)));
  }

  /** Whether {@link #parse} takes it. */
  public static boolean matches(String text) {
    return ADDRESS.matcher(text).matches();
  }

  private static int hexadecimal(String digits) {
    return Integer.parseUnsignedInt(digits, 16);
  }

  @Override
  public int compareTo(PciAddress other) {
    return Long.compare(order(), other.order());
  }

  private long order() {
    return (domain & 0xFFFF_FFFFL) << 16 | (long) bus << 8 | (long) device << 3 | function;
  }

  /** As the kernel writes it: {@code 0000:01:00.0}. */
  @Override
  public String toString() {
    return "%04x:%02x:%02x.%x".formatted(domain, bus, device, function);
  }
}
