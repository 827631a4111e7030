package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Tells a job file from a file of data by its beginning. Both stand at the same place of the command line, and a job
 * file that is taken for data is overwritten.
 */
final class JobText {

  /** More than anybody writes, and less than a disk image has. */
  private static final long MOST_BYTES = 1 << 20;

  private static final int SNIFFED_BYTES = 4096;
  private static final int MOST_QUOTED = 60;

  /** A section, a comment, or another file's lines, behind empty lines. */
  private static final Pattern JOBS =
      Pattern.compile("\\s*(?:[\\[;#]|include\\s).*", Pattern.DOTALL);

  private JobText() {}

  /** Whether a file is text that begins as job files do, or has their name. */
  static boolean isJobs(Path file) throws IOException {
    String begin = beginning(file);
    return isText(begin) && (JOBS.matcher(begin).matches() || file.toString().endsWith(".fio"));
  }

  /** Fails for what cannot be a job file, before all of it is read. */
  static void require(Path file) throws IOException {
    long bytes = Files.size(file);
    if (bytes > MOST_BYTES || !isText(beginning(file))) {
      throw new IOException(
          "%s: is no job file, which is text of at most %d bytes: it has %d; the address of a disk image is file:%s"
              .formatted(file, MOST_BYTES, bytes, file));
    }
  }

  private static String beginning(Path file) throws IOException {
    try (InputStream input = Files.newInputStream(file)) {
      return new String(input.readNBytes(SNIFFED_BYTES), StandardCharsets.ISO_8859_1);
    }
  }

  /** Text in UTF-8 has bytes of all kinds but these; data has them soon. */
  private static boolean isText(String begin) {
    return begin.chars().noneMatch(c -> c < ' ' && !Character.isWhitespace(c));
  }

  /** For messages. */
  static String quoted(String line) {
    return line.length() <= MOST_QUOTED
        ? "'" + line + "'"
        : "'%s…' (%d characters)".formatted(line.substring(0, MOST_QUOTED), line.length());
  }
}
