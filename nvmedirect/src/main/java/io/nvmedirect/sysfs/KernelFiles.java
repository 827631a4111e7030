package io.nvmedirect.sysfs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Files of sysfs and procfs. What is missing or unreadable is null or empty and never an error: a
 * device or process may leave at any time, and kernels differ in what they show.
 */
public final class KernelFiles {

  private KernelFiles() {}

  /** The text of a file without white space around it. */
  public static @Nullable String text(Path file) {
    try {
      // Not readString, which fails on the file names of other encodings that /proc may have.
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return null;
    }
  }

  /** The lines of a file. */
  public static List<String> lines(Path file) {
    String text = text(file);
    return text == null || text.isEmpty() ? List.of() : text.lines().toList();
  }

  /** A decimal number, or {@code otherwise} if the file has none. */
  public static long number(Path file, long otherwise) {
    String text = text(file);
    return text != null && text.matches("-?\\d{1,18}") ? Long.parseLong(text) : otherwise;
  }

  /** A number such as 0x010802, or {@code otherwise} if the file has none. */
  static int hexadecimal(Path file, int otherwise) {
    String text = text(file);
    return text != null && text.matches("0x\\p{XDigit}{1,8}")
        ? Integer.parseUnsignedInt(text.substring(2), 16)
        : otherwise;
  }

  /** What a directory has, in the order of names. */
  public static List<Path> children(Path directory) {
    List<Path> children = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      entries.forEach(children::add);
    } catch (IOException | DirectoryIteratorException e) {
      // As far as it could be read.
    }
    children.sort(null);
    return children;
  }

  /** The last name of a path. */
  public static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  /** The last name of what a symbolic link points to. */
  public static @Nullable String linkName(Path link) {
    String target = target(link);
    return target == null ? null : target.substring(target.lastIndexOf('/') + 1);
  }

  /** What a symbolic link says, whether or not there is such a file. */
  static @Nullable String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException | UnsupportedOperationException e) {
      return null;
    }
  }
}
