package io.nvmedirect.sysfs;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.FileStatus;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What nobody else may have while this process changes it: block devices, opened with O_EXCL, and files, locked.
 * The kernel refuses O_EXCL for what is mounted, swap or part of something else, also where /proc and /sys do not
 * tell (ZFS), and refuses others that as long as the claim is held. So nobody can mount what is about to be
 * unbound, or is being written to. It ends with the process, however that ends.
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

  private void add(Path node, String subject) throws IOException {
    try {
      files.add(NativeFile.openExclusively(node));
    } catch (LinuxException e) {
      if (e.errno() == Errno.EBUSY) {
        throw claimed(subject, e);
      }
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  private static IOException claimed(String subject, LinuxException cause) {
    return new IOException(
        "%s is claimed by the kernel or another program: mounted in a namespace that cannot be seen, ZFS or the like"
            .formatted(subject),
        cause);
  }

  /**
   * Opens a file or block device for reading and writing, and claims it: whatever it is called, and with what is
   * below it if it is a loop device.
   *
   * @throws IOException if it is in use, naming by whom, or cannot be opened (a {@link LinuxException}): nothing is
   *     claimed, and nothing has been changed
   */
  public static ExclusiveClaim of(Roots roots, Path path) throws IOException {
    ExclusiveClaim claim = new ExclusiveClaim();
    try {
      claim.take(roots, path, path, null);
      return claim;
    } catch (IOException e) {
      claim.close();
      throw e;
    }
  }

  /** Like the method above, of a file or block device; null if the path leads to nothing or something else. */
  public static @Nullable ExclusiveClaim ofData(Roots roots, Path path) throws IOException {
    FileStatus status = FileStatus.of(path.toString());
    return status != null && (status.isRegularFile() || status.isBlockDevice())
        ? of(roots, path)
        : null;
  }

  /** The file or block device that was named, for reading and writing; it is the claim's to close. */
  @SuppressWarnings("exports") // for the library
  public NativeFile file() {
    return files.getFirst();
  }

  /**
   * Takes one more.
   *
   * @param named what the claim is for
   * @param above the loop device that lies on it; null if none does
   */
  private void take(Roots roots, Path named, Path path, @Nullable String above) throws IOException {
    String name = DeviceNodes.blockName(roots, path);
    if (name == null) {
      takeFile(roots, named, path, above);
    } else {
      takeDevice(roots, named, path, name, above);
    }
  }

  private void takeFile(Roots roots, Path named, Path path, @Nullable String above)
      throws IOException {
    String number = DeviceNumber.orInode(path);
    if (number != null) {
      refuse(named, Uses.read(roots).ofFile(path, number, above));
    }
    NativeFile file = NativeFile.open(path);
    if (file.tryLock()) {
      files.add(file);
      return;
    }
    file.close(); // so that it is not one of those who have it open
    List<Use> openers = number == null ? List.of() : Uses.read(roots).openers(path, number);
    throw new IOException(
        "another process or device has locked %s to write to it; %s; close it there first"
            .formatted(
                path,
                openers.isEmpty()
                    ? "who that is cannot be seen"
                    : "it is open in "
                        + openers.stream().map(Use::by).collect(Collectors.joining(", "))));
  }

  private void takeDevice(Roots roots, Path named, Path path, String name, @Nullable String above)
      throws IOException {
    refuse(named, lasting(roots, name, above));
    try {
      files.add(NativeFile.openToWriteExclusively(path));
    } catch (LinuxException e) {
      if (e.errno() != Errno.EBUSY) {
        throw e;
      }
      // Somebody came between, or this process has it: the kernel knows, and now perhaps the files
      // do.
      refuse(named, Uses.read(roots).of(name, above));
      throw claimed(named.toString(), e);
    }
    String disk = DeviceNodes.disk(roots, name);
    LoopDevices.Backing below = LoopDevices.read(roots).below(disk);
    if (below != null) {
      takeBelow(roots, named, below);
    }
  }

  /** The kernel does not claim what is below a loop device, and lets several lie on one file. */
  private void takeBelow(Roots roots, Path named, LoopDevices.Backing below) throws IOException {
    Path path = Path.of(below.path());
    String number = below.number();
    if (number != null && number.startsWith("i")) {
      refuse(named, Uses.read(roots).ofFile(path, number, below.loop()));
    }
    if (number == null || number.equals(DeviceNumber.orInode(path))) {
      try {
        take(roots, named, path, below.loop());
      } catch (LinuxException e) {
        // Not for this user to open: looking at it is all that can be done.
      }
    }
  }

  private static void refuse(Path named, List<Use> uses) throws IOException {
    if (!uses.isEmpty()) {
      throw new IOException(
          "%s is in use: %s; nothing was written"
              .formatted(
                  named, uses.stream().map(Use::sentence).collect(Collectors.joining(", "))));
    }
  }

  /**
   * Without this process, and without programs that only look at a device, as udev does after each change of one.
   */
  private static List<Use> lasting(Roots roots, String name, @Nullable String above) {
    long own = ProcessHandle.current().pid();
    long startNs = Clock.SYSTEM.nanoTime();
    while (true) {
      List<Use> uses =
          Uses.read(roots).of(name, above).stream().filter(use -> !use.isOpenBy(own)).toList();
      if (uses.stream().allMatch(use -> use.kind() == Use.Kind.OPEN)
          && !uses.isEmpty()
          && Clock.SYSTEM.nanoTime() - startNs <= PATIENCE_NS) {
        Clock.SYSTEM.parkNanos(ExclusiveClaim.class, PAUSE_NS);
      } else {
        return uses;
      }
    }
  }

  @Override
  public void close() {
    files.forEach(NativeFile::close);
    files.clear();
  }
}
