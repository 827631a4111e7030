package io.nvmedirect.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The results of one run of {@code nvmed bench} or of fio 3, whose JSON is the same. */
public final class ResultFile {

  /** fio may print warnings before its JSON, whose brace begins a line. */
  private static final Pattern START = Pattern.compile("^\\s*\\{", Pattern.MULTILINE);

  private final String name;
  private final Setup setup;
  private final List<Row> rows;

  private ResultFile(String name, Setup setup, List<Row> rows) {
    this.name = name;
    this.setup = setup;
    this.rows = List.copyOf(rows);
  }

  /**
   * Reads the output of {@code nvmed bench --json} or of {@code fio --output-format=json} or {@code json+}.
   *
   * @throws IOException if it cannot be read or is something else; the message begins with the path
   */
  public static ResultFile read(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      throw new IOException(path + ": is a directory");
    }
    String text = new String(Files.readAllBytes(path), StandardCharsets.UTF_8);
    return of(path.toString(), parse(path.toString(), text));
  }

  /**
   * Results in memory, in the form that the file would have.
   *
   * @param name for messages and for the page
   * @throws IOException if something is missing or is not what it should be; the message begins with the name
   */
  public static ResultFile of(String name, Map<String, ? extends @Nullable Object> results)
      throws IOException {
    return of(name, new ObjectMapper().<JsonNode>valueToTree(results));
  }

  private static ResultFile of(String name, JsonNode root) throws IOException {
    ResultReader reader = new ResultReader(new Fields(name, "", root));
    return new ResultFile(name, reader.setup(), reader.rows());
  }

  private static JsonNode parse(String name, String text) throws IOException {
    Matcher start = START.matcher(text);
    if (!start.find()) {
      throw new IOException(
          name
              + ": has no JSON object, so it is no result of nvmed bench --json or fio --output-format=json");
    }
    try {
      return new ObjectMapper().readTree(text.substring(start.end() - 1));
    } catch (JsonProcessingException e) {
      throw new IOException("%s: is no valid JSON: %s".formatted(name, e.getOriginalMessage()), e);
    }
  }

  /** The path or the name that it was made with. */
  public String name() {
    return name;
  }

  /** How many jobs of it did I/O. */
  public int jobs() {
    return (int) rows.stream().mapToInt(Row::job).distinct().count();
  }

  Setup setup() {
    return setup;
  }

  List<Row> rows() {
    return rows;
  }
}
