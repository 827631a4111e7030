package io.nvmedirect.sysfs;

import io.nvmedirect.linux.FileStatus;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a device node stands for, whatever its name is: {@code b259:0} is block device 259:0, {@code c10:196}
 * a character device.
 */
final class DeviceNumber {

  private DeviceNumber() {}

  /** That of an open file or a node; null if it is none of a device, or cannot be looked at. */
  static @Nullable String of(Path file) {
    String number = orInode(file);
    return number == null || number.startsWith("i") ? null : number;
  }

  /**
   * That of a device as {@link #of} has it; of another file the number of its file system and its inode, which all
   * of its names share. Null if it cannot be looked at.
   */
  static @Nullable String orInode(Path file) {
    FileStatus status = FileStatus.of(file.toString());
    if (status == null) {
      return null;
    }
    return status.isBlockDevice()
        ? block(status.major(), status.minor())
        : status.isCharacterDevice()
            ? "c" + status.major() + ":" + status.minor()
            : inode(status.hostMajor(), status.hostMinor(), status.inode());
  }

  static String block(int major, int minor) {
    return "b" + major + ":" + minor;
  }

  /** That of a file which is no node. */
  static String inode(int hostMajor, int hostMinor, long inode) {
    return "i" + hostMajor + ":" + hostMinor + " " + Long.toUnsignedString(inode);
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
}
