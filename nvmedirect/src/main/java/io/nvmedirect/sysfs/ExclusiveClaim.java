package io.nvmedirect.sysfs;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/**
 * Block devices, opened with O_EXCL: the kernel refuses that for what is mounted,
 * swap or part of something else, also where /proc and /sys do not tell (ZFS, an NVMe target), and
 * refuses others that as long as the claim is held. So nobody can mount what is about to be unbound, or is
 * being written to.
 */
public final class ExclusiveClaim implements AutoCloseable {

  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(1);
  private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(20);

  private final List<NativeFile> files = new ArrayList<>();

  private ExclusiveClaim() {}

  /**
   * Claims all namespaces of a controller. A namespace without a device node is left out.
   *
   * @throws IOException if one is claimed already or cannot be opened; then none is claimed
   */
  public static ExclusiveClaim of(Roots roots, NvmeController controller) throws IOException {
    ExclusiveClaim claim = new ExclusiveClaim();
    try {
      for (Namespace namespace : controller.namespaces()) {
        claim.add(roots.dev().resolve(namespace.name()), "namespace " + namespace.name());
      }
      return claim;
    } catch (IOException e) {
      claim.close();
      throw e;
    }
  }

  /**
   * Claims the block device that a path leads to, to write to it; claims nothing if it leads to something else.
   *
   * @throws IOException if the device is in use, naming by whom, or cannot be opened
   */
  public static ExclusiveClaim of(Roots roots, Path path) throws IOException {
    ExclusiveClaim claim = new ExclusiveClaim();
    String name = DeviceNodes.blockName(roots, path);
    if (name != null) {
      List<Use> uses = lasting(roots, name);
      if (!uses.isEmpty()) {
        throw new IOException(
            "%s is in use: %s; nothing was written"
                .formatted(
                    path, uses.stream().map(Use::sentence).collect(Collectors.joining(", "))));
      }
      claim.add(path, path.toString());
    }
    return claim;
  }

  /** Without those of programs that only look at a device, as udev does after each change of one. */
  private static List<Use> lasting(Roots roots, String name) {
    long startNs = System.nanoTime();
    while (true) {
      List<Use> uses = Uses.read(roots).of(name);
      if (uses.isEmpty()
          || uses.stream().anyMatch(use -> use.kind() != Use.Kind.OPEN)
          || System.nanoTime() - startNs > PATIENCE_NS) {
        return uses;
      }
      LockSupport.parkNanos(PAUSE_NS);
    }
  }

  private void add(Path node, String subject) throws IOException {
    try {
      files.add(NativeFile.openExclusively(node));
    } catch (LinuxException e) {
      if (e.errno() == Errno.EBUSY) {
        throw new IOException(
            "%s is claimed by the kernel or another program: mounted in a namespace that cannot be seen, ZFS, an NVMe target or the like"
                .formatted(subject),
            e);
      }
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  @Override
  public void close() {
    files.forEach(NativeFile::close);
    files.clear();
  }
}
