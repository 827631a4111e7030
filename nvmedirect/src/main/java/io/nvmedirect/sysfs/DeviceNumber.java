package io.nvmedirect.sysfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a device node stands for, whatever its name is: {@code b259:0} is block device 259:0, {@code c10:196}
 * a character device.
 */
final class DeviceNumber {

  /** stat(2): the type of a file in its mode. */
  private static final int TYPE_MASK = 0170000;

  private static final int BLOCK = 0060000;
  private static final int CHARACTER = 0020000;

  private DeviceNumber() {}

  /** That of an open file or a node; null if it is none of a device, or cannot be looked at. */
  static @Nullable String of(Path file) {
    Map<String, Object> attributes;
    try {
      attributes = Files.readAttributes(file, "unix:mode,rdev");
    } catch (IOException | UnsupportedOperationException e) {
      return null;
    }
    if (!(attributes.get("mode") instanceof Integer mode)
        || !(attributes.get("rdev") instanceof Long number)) {
      return null;
    }
    return switch (mode & TYPE_MASK) {
      case BLOCK -> "b" + text(number);
      case CHARACTER -> "c" + text(number);
      default -> null;
    };
  }

  /** That of a block device by its directory in sysfs; null if it is not there. */
  static @Nullable String ofBlock(Path directory) {
    return ofSysfs("b", directory);
  }

  /** That of a character device by its directory in sysfs; null if it is not there. */
  static @Nullable String ofCharacter(Path directory) {
    return ofSysfs("c", directory);
  }

  private static @Nullable String ofSysfs(String kind, Path directory) {
    String number = KernelFiles.text(directory.resolve("dev"));
    return number == null ? null : kind + number;
  }

  /** Of the C library's dev_t: minor in bits 7:0 and 31:20, major in 19:8 and 63:32 (makedev(3)). */
  private static String text(long number) {
    long major = (number >>> 8 & 0xfff) | (number >>> 32 & 0xfffff000L);
    long minor = (number & 0xff) | (number >>> 12 & 0xffffff00L);
    return major + ":" + minor;
  }
}
