package io.nvmedirect.sysfs;

import java.nio.file.Path;
import java.util.List;

/** The processes of procfs. */
final class Processes {

  private Processes() {}

  static List<Path> all(Path proc) {
    return KernelFiles.children(proc).stream()
        .filter(process -> KernelFiles.name(process).matches("\\d{1,9}"))
        .sorted((a, b) -> Integer.compare(id(a), id(b)))
        .toList();
  }

  private static int id(Path process) {
    return Integer.parseInt(KernelFiles.name(process));
  }

  /** {@code fio (pid 812)}. */
  static String describe(Path process) {
    String command = KernelFiles.text(process.resolve("comm"));
    return (command == null ? "a process" : command) + suffix(id(process));
  }

  /** How the description of a process ends, and that of no other one. */
  static String suffix(long pid) {
    return " (pid %d)".formatted(pid);
  }
}
