package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel counts of the disk that a file is on.
 *
 * @param name such as {@code nvme0n1}; of a partition that of its disk
 * @param counts as in its file {@code stat}
 */
public record DiskUse(String name, List<Long> counts) {

  private static final Path DEVICES = Path.of("/sys/dev/block");
  private static final int COUNTS = 11;
  private static final int IN_FLIGHT = 8;

  public long readIos() {
    return counts.get(0);
  }

  public long readMerges() {
    return counts.get(1);
  }

  public long readMs() {
    return counts.get(3);
  }

  public long writeIos() {
    return counts.get(4);
  }

  public long writeMerges() {
    return counts.get(5);
  }

  public long writeMs() {
    return counts.get(7);
  }

  /** When it had something to do. */
  public long busyMs() {
    return counts.get(9);
  }

  /** Of all I/Os together. */
  public long queuedMs() {
    return counts.get(10);
  }

  /** The disks below files and block devices, so far; those that the kernel does not tell of are left out. */
  public static List<DiskUse> of(Stream<Path> paths) {
    Map<String, DiskUse> disks = new TreeMap<>();
    paths
        .distinct()
        .forEach(path -> {
          DiskUse disk = below(path);
          if (disk != null) {
            disks.put(disk.name, disk);
          }
        });
    return List.copyOf(disks.values());
  }

  private static @Nullable DiskUse below(Path path) {
    try {
      boolean plain = Files.isRegularFile(path);
      long number = (long) Files.getAttribute(path, plain ? "unix:dev" : "unix:rdev");
      long major = ((number >>> 8) & 0xfff) | ((number >>> 32) & 0xfffff000L);
      long minor = (number & 0xff) | ((number >>> 12) & 0xffffff00L);
      Path disk = DEVICES.resolve(major + ":" + minor).toRealPath();
      if (Files.exists(disk.resolve("partition"))) {
        disk = disk.resolveSibling("");
      }
      List<Long> counts =
          Stream.of(Files.readString(disk.resolve("stat")).strip().split(" +", -1))
              .limit(COUNTS)
              .map(Long::valueOf)
              .toList();
      return counts.size() < COUNTS ? null : new DiskUse(disk.getFileName().toString(), counts);
    } catch (IOException | RuntimeException e) {
      return null;
    }
  }

  /** What came since {@code before}, of each disk that is in both. */
  public static List<DiskUse> difference(List<DiskUse> before, List<DiskUse> after) {
    List<DiskUse> differences = new ArrayList<>();
    for (DiskUse then : before) {
      after.stream()
          .filter(now -> now.name.equals(then.name))
          .findFirst()
          .ifPresent(now -> differences.add(now.minus(then)));
    }
    return differences;
  }

  /** What is in flight is no count; the others never fall. */
  private DiskUse minus(DiskUse before) {
    List<Long> differences = new ArrayList<>();
    for (int i = 0; i < COUNTS; i++) {
      differences.add(i == IN_FLIGHT ? counts.get(i) : counts.get(i) - before.counts.get(i));
    }
    return new DiskUse(name, differences);
  }
}
