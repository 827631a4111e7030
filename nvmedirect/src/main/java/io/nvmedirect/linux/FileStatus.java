package io.nvmedirect.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * What kind of file there is, which one, and of which device it is the node (statx(2)). A file system whose
 * server does not answer is not waited for: what it has told before is taken.
 *
 * @param mode type and permissions
 * @param major of the device that a node stands for
 * @param minor likewise
 * @param hostMajor of the device that the file system with the file is on
 * @param hostMinor likewise
 * @param inode within that file system
 */
public record FileStatus(int mode, int major, int minor, int hostMajor, int hostMinor, long inode) {

  private static final int TYPE_MASK = 0170000;
  private static final int REGULAR_FILE = 0100000;
  private static final int BLOCK_DEVICE = 0060000;
  private static final int CHARACTER_DEVICE = 0020000;

  private static final int AT_FDCWD = -100;
  private static final int AT_STATX_DONT_SYNC = 0x4000;
  private static final int STATX_TYPE = 1;
  private static final int STATX_INO = 0x100;

  // struct statx of linux/stat.h.
  private static final int STATX_BYTES = 256;
  private static final int MODE = 28;
  private static final int INODE = 32;
  private static final int RDEV_MAJOR = 128;
  private static final int RDEV_MINOR = 132;
  private static final int DEV_MAJOR = 136;
  private static final int DEV_MINOR = 140;

  /** Of a file, or of what a link leads to; null if it cannot be looked at. */
  public static @Nullable FileStatus of(String path) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment status = arena.allocate(STATX_BYTES, Long.BYTES);
      MemorySegment name = arena.allocateFrom(path);
      if (Libc.statx(AT_FDCWD, name, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, status) < 0) {
        return null;
      }
      return new FileStatus(
          Short.toUnsignedInt(status.get(ValueLayout.JAVA_SHORT, MODE)),
          status.get(ValueLayout.JAVA_INT, RDEV_MAJOR),
          status.get(ValueLayout.JAVA_INT, RDEV_MINOR),
          status.get(ValueLayout.JAVA_INT, DEV_MAJOR),
          status.get(ValueLayout.JAVA_INT, DEV_MINOR),
          status.get(ValueLayout.JAVA_LONG, INODE));
    }
  }

  public boolean isBlockDevice() {
    return (mode & TYPE_MASK) == BLOCK_DEVICE;
  }

  public boolean isRegularFile() {
    return (mode & TYPE_MASK) == REGULAR_FILE;
  }

  public boolean isCharacterDevice() {
    return (mode & TYPE_MASK) == CHARACTER_DEVICE;
  }
}
