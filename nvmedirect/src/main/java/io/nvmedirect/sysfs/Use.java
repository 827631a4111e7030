package io.nvmedirect.sysfs;

import org.jspecify.annotations.Nullable;

/**
 * One reason why a controller cannot be taken from whoever has it.
 *
 * @param namespace the namespace concerned, such as nvme0n1; null for the whole controller
 * @param device what is used: nvme0n1p1, or dm-0 that lies on it
 * @param subject the same for people, such as "partition nvme0n1p1"
 * @param by the mount point, the holder or the process; empty for swap
 */
public record Use(Kind kind, @Nullable String namespace, String device, String subject, String by) {

  /** How it is used. */
  public enum Kind {
    /** It has a mounted file system. */
    MOUNTED,
    /** The kernel swaps to it. */
    SWAP,
    /** It is part of another block device: LVM, device mapper, MD, bcache, loop. */
    HELD,
    /** A process has it open. */
    OPEN
  }

  /** Whether it is a process that has it open, and this one. */
  boolean isOpenBy(long pid) {
    return kind == Kind.OPEN && by.endsWith(Processes.suffix(pid));
  }

  /** In a word or two: {@code mounted at /data}. */
  public String brief() {
    return switch (kind) {
      case MOUNTED -> "mounted at " + by;
      case SWAP -> "swap";
      case HELD -> "in " + by;
      case OPEN -> "open: " + by;
    };
  }

  /** A sentence without its full stop: {@code partition nvme0n1p1 is mounted at /data}. */
  public String sentence() {
    return subject
        + switch (kind) {
          case MOUNTED -> " is mounted at " + by;
          case SWAP -> " is swap space";
          case HELD -> " is part of " + by;
          case OPEN -> " is held open by " + by;
        };
  }
}
