package io.nvmedirect.cli.format;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Tells an NVMe address from the path of a file. */
public final class Addresses {

  private static final Pattern ADDRESS =
      Pattern.compile(
          "(?:mem|file|pci|vfio-user|tcp):.*"
              + "|/dev/(?:nvmed?|ng)\\d.*"
              + "|(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7](?:/.*)?",
          Pattern.DOTALL);
  private static final Pattern EMULATED = Pattern.compile("(?:mem|file):.*", Pattern.DOTALL);

  private static final String FILE = "file:";

  private Addresses() {}

  /** A name that is not an address is a file; {@code ./mem:1} is a file too. */
  public static boolean isAddress(String text) {
    return ADDRESS.matcher(text).matches();
  }

  /** Whether the controller is the embedded one. */
  public static boolean isEmulated(String address) {
    return EMULATED.matcher(address).matches();
  }

  public static boolean isMemory(String address) {
    return address.startsWith("mem:");
  }

  /** The path of an address such as {@code file:/tmp/disk.img?size=1GiB}; null for others. */
  public static @Nullable String file(String address) {
    return address.startsWith(FILE) ? address.substring(FILE.length()).split("\\?", 2)[0] : null;
  }

  /** Gives an embedded controller a thread of its own, unless the address chooses a mode. */
  public static String withOwnThread(String address) {
    if (!isEmulated(address) || address.matches("(?s).*[?&]mode=.*")) {
      return address;
    }
    return address + (address.contains("?") ? "&" : "?") + "mode=thread";
  }
}
