package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What the kernel counts of a thread; zeroes where there is no /proc.
 *
 * @param switches to other threads, whether it waited or was preempted
 * @param majorFaults page faults that took I/O
 * @param minorFaults all others
 */
record ThreadCounters(long switches, long majorFaults, long minorFaults) {

  static final ThreadCounters NONE = new ThreadCounters(0, 0, 0);

  private static final Path STAT = Path.of("/proc/thread-self/stat");
  private static final Path STATUS = Path.of("/proc/thread-self/status");

  /** proc(5): fields 10 and 12, of which those from the third on are behind the name in parentheses. */
  private static final int MINOR_FIELD = 10 - 3;

  private static final int MAJOR_FIELD = 12 - 3;

  /** Of this thread, so far. */
  static ThreadCounters now() {
    try {
      String stat = Files.readString(STAT);
      List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1));
      long switches =
          Files.readString(STATUS)
              .lines()
              .filter(line -> line.contains("voluntary_ctxt_switches:"))
              .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(':') + 1).strip()))
              .sum();
      return new ThreadCounters(
          switches,
          Long.parseLong(fields.get(MAJOR_FIELD)),
          Long.parseLong(fields.get(MINOR_FIELD)));
    } catch (IOException | RuntimeException e) {
      return NONE;
    }
  }

  ThreadCounters minus(ThreadCounters before) {
    return new ThreadCounters(
        switches - before.switches,
        majorFaults - before.majorFaults,
        minorFaults - before.minorFaults);
  }
}
