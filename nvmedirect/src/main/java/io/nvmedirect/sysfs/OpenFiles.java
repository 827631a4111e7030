package io.nvmedirect.sysfs;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which processes have which device nodes open, as far as /proc shows it to this user. */
final class OpenFiles {

  private final Map<String, Set<String>> holders = new HashMap<>();
  private boolean complete = true;

  private OpenFiles() {}

  static OpenFiles read(Path proc) {
    OpenFiles open = new OpenFiles();
    for (Path process : Processes.all(proc)) {
      open.add(process);
    }
    return open;
  }

  private void add(Path process) {
    Path descriptors = process.resolve("fd");
    complete &= Files.isReadable(descriptors) || !Files.exists(process);
    for (Path descriptor : KernelFiles.children(descriptors)) {
      String target = KernelFiles.target(descriptor);
      if (target != null && target.startsWith("/dev/")) {
        holders
            .computeIfAbsent(target, _ -> new LinkedHashSet<>())
            .add(Processes.describe(process));
      }
    }
  }

  /** Whether the files of all processes could be read, which takes root. */
  boolean complete() {
    return complete;
  }

  /** Who has a node open; the kernel shows nodes by their real names. */
  List<String> of(String node) {
    return List.copyOf(holders.getOrDefault(node, Set.of()));
  }
}
