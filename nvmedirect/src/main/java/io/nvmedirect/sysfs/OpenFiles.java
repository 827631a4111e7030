package io.nvmedirect.sysfs;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which processes have which files and device nodes open, as far as /proc shows it to this user. */
final class OpenFiles {

  /** Links lead to what is open itself there, and in a copy of it only to what has the same name. */
  private static final Path PROCFS = Path.of("/proc");

  /**
   * An open file.
   *
   * @param node its name, which a container or {@code mknod} chooses as it likes
   * @param number which one it is ({@link DeviceNumber#orInode}); null if that could not be read
   */
  private record Open(String process, String node, @Nullable String number) {

    boolean isOf(@Nullable String wanted, List<String> nodes) {
      return (number != null && wanted != null) ? number.equals(wanted) : nodes.contains(node);
    }
  }

  private final List<Open> files = new ArrayList<>();
  private boolean complete = true;

  private OpenFiles() {}

  static OpenFiles read(Path proc) {
    OpenFiles open = new OpenFiles();
    for (Path process : Processes.all(proc)) {
      open.add(process, proc.equals(PROCFS));
    }
    return open;
  }

  private void add(Path process, boolean withNumbers) {
    Path descriptors = process.resolve("fd");
    String description = null;
    complete &= Files.isReadable(descriptors) || !Files.exists(process);
    for (Path descriptor : KernelFiles.children(descriptors)) {
      String target = KernelFiles.target(descriptor);
      // Sockets, pipes and the like have no path.
      if (target != null && target.startsWith("/")) {
        String number = withNumbers ? DeviceNumber.orInode(descriptor) : null;
        if (number != null || target.startsWith("/dev/")) {
          description = description == null ? Processes.describe(process) : description;
          files.add(new Open(description, target, number));
        }
      }
    }
  }

  /** Whether the files of all processes could be read, which takes root. */
  boolean complete() {
    return complete;
  }

  /**
   * Who has a device or file open.
   *
   * @param number what counts; null if the kernel does not tell
   * @param nodes its usual names, for open files of which only the name is known
   */
  List<String> of(@Nullable String number, List<String> nodes) {
    return files.stream()
        .filter(file -> file.isOf(number, nodes))
        .map(Open::process)
        .distinct()
        .toList();
  }
}
