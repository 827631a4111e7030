package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The text of a job file as sections of keys and values.
 *
 * <p>As in fio, a {@code ;} or {@code #} anywhere begins a comment, <code>${NAME}</code> is a variable of the
 * environment, and {@code include FILE} has the lines of another file, relative to the directory of this one.
 */
final class JobLines {

  private static final int MOST_INCLUDES = 16;
  private static final Pattern SECTION = Pattern.compile("\\[(.+)]");
  private static final Pattern INCLUDE = Pattern.compile("include\\s+(\\S.*)");
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]*)}");

  /**
   * A section in the order of the file.
   *
   * @param at file and line of its beginning, such as {@code JOB.fio:12}
   */
  record Section(String name, String at, List<Option> options) {

    boolean isGlobal() {
      return name.equalsIgnoreCase("global");
    }
  }

  /** A key with its value, empty if it has none. */
  record Option(String at, String key, String value) {}

  private final UnaryOperator<@Nullable String> environment;
  private final List<Section> sections = new ArrayList<>();

  private JobLines(UnaryOperator<@Nullable String> environment) {
    this.environment = environment;
  }

  /**
   * Reads a file and those that it includes.
   *
   * @throws IOException if one cannot be read or a line is neither section nor option, with file and line
   */
  static List<Section> read(Path file, UnaryOperator<@Nullable String> environment)
      throws IOException {
    JobLines lines = new JobLines(environment);
    lines.readFile(file, 0);
    return List.copyOf(lines.sections);
  }

  private void readFile(Path file, int includes) throws IOException {
    JobText.require(file);
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": no text in UTF-8", e);
    }
    for (int i = 0; i < lines.size(); i++) {
      String at = "%s:%d".formatted(file, i + 1);
      String line = lines.get(i).replaceFirst("[;#].*", "").strip();
      Matcher include = INCLUDE.matcher(line);
      if (include.matches()) {
        include(at, file.resolveSibling(include.group(1)), includes + 1);
      } else if (!line.isEmpty()) {
        readLine(at, line);
      }
    }
  }

  private void include(String at, Path file, int includes) throws IOException {
    if (includes > MOST_INCLUDES) {
      throw new IOException(
          at + ": files include each other, more than " + MOST_INCLUDES + " deep");
    }
    if (!Files.isRegularFile(file)) {
      throw new IOException(at + ": there is no file " + file);
    }
    readFile(file, includes);
  }

  private void readLine(String at, String line) throws IOException {
    Matcher section = SECTION.matcher(line);
    if (section.matches()) {
      sections.add(new Section(section.group(1), at, new ArrayList<>()));
      return;
    }
    if (line.startsWith("[")) {
      throw new IOException(at + ": " + JobText.quoted(line) + " is no section: write [NAME]");
    }
    if (sections.isEmpty()) {
      throw new IOException(
          at
              + ": "
              + JobText.quoted(line)
              + " is before the first section: begin with [global] or [NAME]");
    }
    int equals = line.indexOf('=');
    String key = equals < 0 ? line : line.substring(0, equals).strip();
    String value = equals < 0 ? "" : line.substring(equals + 1).strip();
    sections.getLast().options().add(new Option(at, key, substituted(at, value)));
  }

  private String substituted(String at, String value) throws IOException {
    Matcher variable = VARIABLE.matcher(value);
    StringBuilder text = new StringBuilder();
    while (variable.find()) {
      String replacement = environment.apply(variable.group(1));
      if (replacement == null) {
        throw new IOException(
            at + ": " + variable.group() + ": the environment has no such variable");
      }
      variable.appendReplacement(text, Matcher.quoteReplacement(replacement));
    }
    return variable.appendTail(text).toString();
  }
}
