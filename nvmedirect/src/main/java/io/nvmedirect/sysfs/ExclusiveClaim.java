package io.nvmedirect.sysfs;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The block devices of a controller, opened with O_EXCL: the kernel refuses that for what is mounted,
 * swap or part of something else, also where /proc and /sys do not tell (ZFS, an NVMe target), and
 * refuses others that as long as the claim is held. So nobody can mount what is about to be unbound.
 */
public final class ExclusiveClaim implements AutoCloseable {

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
        claim.add(roots.dev().resolve(namespace.name()), namespace);
      }
      return claim;
    } catch (IOException e) {
      claim.close();
      throw e;
    }
  }

  private void add(Path node, Namespace namespace) throws IOException {
    try {
      files.add(NativeFile.openExclusively(node));
    } catch (LinuxException e) {
      if (e.errno() == Errno.EBUSY) {
        throw new IOException(
            "namespace %s is claimed by the kernel or another program: mounted in a namespace that cannot be seen, ZFS, an NVMe target or the like"
                .formatted(namespace.name()),
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
