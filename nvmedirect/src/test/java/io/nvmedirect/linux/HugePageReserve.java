package io.nvmedirect.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Huge pages of 2 MiB that the kernel reserves for as long as this is open. It is the machine's setting, so a
 * test that uses it runs alone, as root, on a machine of its own.
 */
public final class HugePageReserve implements AutoCloseable {

  private static final Path COUNT = Path.of("/proc/sys/vm/nr_hugepages");
  private static final Path MEMORY = Path.of("/proc/meminfo");

  private final long before;

  /**
   * Reserves.
   *
   * @throws IOException if the kernel does not find as many
   */
  public HugePageReserve(int pages) throws IOException {
    before = number(Files.readString(COUNT));
    boolean made = false;
    try {
      Files.writeString(COUNT, String.valueOf(pages));
      if (number(Files.readString(COUNT)) != pages || free() != pages) {
        throw new IOException(
            "%d free huge pages were asked for: %s"
                .formatted(
                    pages, Files.readString(MEMORY).replaceAll("(?m)^(?!HugePages).*\n", "")));
      }
      made = true;
    } finally {
      if (!made) {
        close();
      }
    }
  }

  /** How many are reserved and not in use, of the whole machine. */
  public static long free() throws IOException {
    for (String line : Files.readAllLines(MEMORY)) {
      if (line.startsWith("HugePages_Free:")) {
        return number(line.substring(line.indexOf(':') + 1));
      }
    }
    throw new IOException(MEMORY + " has no HugePages_Free");
  }

  private static long number(String text) {
    return Long.parseLong(text.strip());
  }

  /** Gives back what no process has; the rest goes back with its process. */
  @Override
  public void close() throws IOException {
    Files.writeString(COUNT, String.valueOf(before));
  }
}
