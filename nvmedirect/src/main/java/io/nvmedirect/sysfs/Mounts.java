package io.nvmedirect.sysfs;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The mounted file systems of this process, and of other mount namespaces as far as they can be read. */
final class Mounts {

  /** proc(5): identifier, parent, major:minor, root, mount point, options, optional fields, "-". */
  private static final int DEVICE_FIELD = 2;

  private static final int MOUNT_POINT_FIELD = 4;

  /**
   * A mount.
   *
   * @param device major:minor; of file systems on several devices a number that no device has
   * @param source such as /dev/nvme0n1p1
   * @param place where, and in whose namespace
   */
  private record Mount(String device, String type, String source, String place) {}

  private final Roots roots;
  private final List<Mount> own;

  /** Read when they are first asked for. */
  private @Nullable List<Mount> others;

  private Mounts(Roots roots) {
    this.roots = roots;
    this.own = parse(roots.proc().resolve("self/mountinfo"), "");
  }

  static Mounts read(Roots roots) {
    return new Mounts(roots);
  }

  /** Those of other mount namespaces. */
  private List<Mount> others() {
    if (others == null) {
      others = new ArrayList<>();
      Set<String> seen = new HashSet<>();
      String self = KernelFiles.target(roots.proc().resolve("self/ns/mnt"));
      if (self != null) {
        seen.add(self);
      }
      for (Path process : Processes.all(roots.proc())) {
        // The name of its namespace is for its owner only; without it the mounts are read once
        // more.
        String namespace = KernelFiles.target(process.resolve("ns/mnt"));
        if (namespace == null || seen.add(namespace)) {
          others.addAll(
              parse(
                  process.resolve("mountinfo"),
                  " in the mount namespace of " + Processes.describe(process)));
        }
      }
    }
    return others;
  }

  private static List<Mount> parse(Path mountinfo, String whose) {
    List<Mount> mounts = new ArrayList<>();
    for (String line : KernelFiles.lines(mountinfo)) {
      List<String> fields = List.of(line.split(" ", -1));
      int separator = fields.indexOf("-");
      if (separator > MOUNT_POINT_FIELD && separator + 2 < fields.size()) {
        mounts.add(
            new Mount(
                fields.get(DEVICE_FIELD),
                fields.get(separator + 1),
                unescape(fields.get(separator + 2)),
                unescape(fields.get(MOUNT_POINT_FIELD)) + whose));
      }
    }
    return mounts;
  }

  /** Where a block device is mounted; elsewhere than here only if it is not mounted here. */
  List<String> of(String name) {
    Set<String> names = new HashSet<>(btrfsSiblings(name));
    names.add(name);
    String number = KernelFiles.text(roots.block(name).resolve("dev"));
    Set<String> places = places(own, number == null ? "" : number, names);
    if (places.isEmpty()) {
      // One is enough: containers have copies of each other's mounts.
      places(others(), number == null ? "" : number, names).stream()
          .findFirst()
          .ifPresent(places::add);
    }
    return List.copyOf(places);
  }

  /**
   * Where a file is mounted that is no device, which some file systems take (EROFS, those in user space).
   *
   * @param number which one ({@link DeviceNumber#orInode})
   */
  List<String> ofFile(String number) {
    List<String> places = new ArrayList<>();
    for (Mount mount : own) {
      if (mount.device().startsWith("0:")
          && mount.source().startsWith("/")
          && number.equals(DeviceNumber.orInode(Path.of(mount.source())))) {
        places.add(mount.place());
      }
    }
    return places;
  }

  private Set<String> places(List<Mount> mounts, String number, Set<String> names) {
    Set<String> places = new LinkedHashSet<>();
    for (Mount mount : mounts) {
      if (mount.device().equals(number) || comesFrom(mount, names)) {
        places.add(mount.place());
      }
    }
    return places;
  }

  /** By the source's name where the number cannot be right: btrfs, and bcachefs on several devices. */
  private boolean comesFrom(Mount mount, Set<String> names) {
    if (mount.device().startsWith("0:") && mount.source().startsWith("/dev/")) {
      for (String source : mount.source().split(":", -1)) {
        if (names.contains(DeviceNodes.name(roots.dev(), source))) {
          return true;
        }
      }
    }
    return false;
  }

  /** All devices of the btrfs file system that this one is of; a mount names only one of them. */
  private List<String> btrfsSiblings(String name) {
    for (Path fileSystem : KernelFiles.children(roots.sys().resolve("fs/btrfs"))) {
      List<String> devices =
          KernelFiles.children(fileSystem.resolve("devices")).stream()
              .map(KernelFiles::name)
              .toList();
      if (devices.contains(name)) {
        return devices;
      }
    }
    return List.of();
  }

  /** White space and backslashes are in octal, such as {@code \040}. */
  static String unescape(String text) {
    StringBuilder plain = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (text.startsWith("\\", i) && text.substring(i).matches("(?s)\\\\[0-3][0-7]{2}.*")) {
        plain.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        plain.append(text.charAt(i));
      }
    }
    return plain.toString();
  }
}
