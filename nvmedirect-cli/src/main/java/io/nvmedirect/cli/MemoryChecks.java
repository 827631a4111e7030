package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Sizes;
import io.nvmedirect.sysfs.KernelFiles;
import io.nvmedirect.sysfs.Roots;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Huge pages, and how much memory this process may pin for DMA. */
final class MemoryChecks {

  /** Queues, bounce buffers, the block cache of 64 MiB and buffers of an application. */
  static final long USEFUL_LOCKED_BYTES = 256L << 20;

  /** Less is not enough for the queues of one device. */
  private static final long LEAST_LOCKED_BYTES = 1L << 20;

  private static final int CAP_IPC_LOCK = 14;
  private static final Pattern LIMIT =
      Pattern.compile("Max locked memory\\s+(\\d{1,18}|unlimited)\\s.*");
  private static final Pattern CAPABILITIES = Pattern.compile("CapEff:\\s*(\\p{XDigit}{1,16})");

  private MemoryChecks() {}

  static List<Check> run(Roots roots) {
    return List.of(hugePages(roots), transparent(roots), locked(roots));
  }

  private static Check hugePages(Roots roots) {
    String topic = "huge pages";
    Path directory = roots.sys().resolve("kernel/mm/hugepages/hugepages-2048kB");
    long free = KernelFiles.number(directory.resolve("free_hugepages"), -1);
    if (free > 0) {
      return Check.ok(topic, "%d free of 2 MiB".formatted(free));
    }
    if (free < 0) {
      return Check.warn(
          topic, "this kernel shows none of 2 MiB", "none needed: ordinary pages do, more slowly");
    }
    return Check.warn(
        topic,
        "none free of 2 MiB; ordinary pages do",
        "echo 128 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  }

  private static Check transparent(Roots roots) {
    String topic = "transparent huge pages";
    String text =
        Objects.requireNonNullElse(
            KernelFiles.text(roots.sys().resolve("kernel/mm/transparent_hugepage/enabled")), "");
    if (text.contains("[always]") || text.contains("[madvise]")) {
      return Check.ok(topic, text.contains("[always]") ? "always" : "where asked for (madvise)");
    }
    return text.contains("[never]")
        ? Check.warn(topic, "never", "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
        : Check.ok(topic, "this kernel has none; none are needed");
  }

  private static Check locked(Roots roots) {
    String topic = "locked memory";
    if (mayLockAll(roots)) {
      return Check.ok(topic, "no limit for this process (CAP_IPC_LOCK)");
    }
    String limit =
        KernelFiles.lines(roots.proc().resolve("self/limits")).stream()
            .map(LIMIT::matcher)
            .filter(Matcher::matches)
            .map(matcher -> matcher.group(1))
            .findFirst()
            .orElse("");
    String mend =
        "give at least %s (%d KiB): 'memlock' in /etc/security/limits.conf, LimitMEMLOCK= of a systemd unit, or 'ulimit -l' before the start"
            .formatted(Sizes.format(USEFUL_LOCKED_BYTES), USEFUL_LOCKED_BYTES >> 10);
    if (limit.isEmpty()) {
      return Check.warn(topic, "the limit is unknown: /proc/self/limits does not tell", mend);
    }
    if (limit.equals("unlimited")) {
      return Check.ok(topic, "no limit");
    }
    long bytes = Long.parseLong(limit);
    String finding = "limit %s for DMA memory".formatted(Sizes.format(bytes));
    if (bytes >= USEFUL_LOCKED_BYTES) {
      return Check.ok(topic, finding);
    }
    return bytes < LEAST_LOCKED_BYTES
        ? Check.fail(topic, finding + ", too little for queues", mend)
        : Check.warn(topic, finding, mend);
  }

  private static boolean mayLockAll(Roots roots) {
    return KernelFiles.lines(roots.proc().resolve("self/status")).stream()
        .map(CAPABILITIES::matcher)
        .filter(Matcher::matches)
        .anyMatch(
            matcher -> (Long.parseUnsignedLong(matcher.group(1), 16) >>> CAP_IPC_LOCK & 1) == 1);
  }
}
