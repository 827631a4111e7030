package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What tests know of a server from outside: descriptors of this process, and conditions that come true. */
final class Served {

  private Served() {}

  /** What this process has open that a server or its clients may have opened. */
  static List<String> descriptors() throws IOException {
    try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
      return fds.map(Served::target)
          .filter(t -> !t.endsWith(".jar") && !t.endsWith("/modules") && !t.startsWith("/proc/"))
          .map(t -> t.replaceFirst("[0-9]+", "N"))
          .sorted()
          .toList();
    }
  }

  /** The descriptor by which this process has a file open. */
  static int descriptor(Path file) throws IOException {
    try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
      return fds.filter(fd -> target(fd).equals(file.toString()))
          .mapToInt(fd -> Integer.parseInt(fd.getFileName().toString()))
          .findFirst()
          .orElseThrow();
    }
  }

  /** All descriptors of this process. */
  static Set<Integer> numbers() throws IOException {
    try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
      return fds.filter(fd -> !target(fd).startsWith("/proc/"))
          .map(fd -> Integer.valueOf(fd.getFileName().toString()))
          .collect(Collectors.toSet());
    }
  }

  /** CPU time of a thread of this process, by the kernel's account in steps of 10 ms. */
  static long cpuNs(String thread) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.toList()) {
        String stat = Files.readString(task.resolve("stat"));
        if (stat.contains("(" + thread + ")")) {
          // Behind the name: the state is field 3, and utime and stime are 14 and 15 (proc(5)).
          String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
          return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * 10_000_000;
        }
      }
    }
    throw new AssertionError("no thread " + thread);
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return "/proc/gone";
    }
  }

  /** Waits until what clients had is closed. */
  static void awaitDescriptors(List<String> before) throws Exception {
    long end = System.nanoTime() + RawClient.LIMIT_NS;
    while (!descriptors().equals(before) && System.nanoTime() - end < 0) {
      Thread.sleep(1);
    }
    assertThat(descriptors()).isEqualTo(before);
  }

  /** Waits until something is so. */
  static void await(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + RawClient.LIMIT_NS;
    while (!condition.call()) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("waited too long until " + what);
      }
      Thread.sleep(1);
    }
  }
}
