package io.nvmedirect.cli.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The page with what it consists of, all of it inline. Its policy lets the browser load nothing, and run
 * no script but those that were here when the page was made, which it knows by their digests.
 */
final class Template {

  private static final Pattern PLACE = Pattern.compile("\\{\\{(\\w+)}}");
  private static final List<String> STYLES = List.of("uplot/uPlot.min.css", "page.css");
  private static final List<String> SCRIPTS =
      List.of("uplot/uPlot.iife.min.js", "table.js", "plot.js", "page.js");

  private Template() {}

  /**
   * @param title text, escaped here
   * @param data JSON, escaped already
   */
  static String fill(String title, String data) {
    List<String> digests = new ArrayList<>();
    String styles = inline("style", STYLES, digests);
    String scripts = inline("script", SCRIPTS, digests);
    String policy =
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src %s; script-src %s"
            .formatted(
                String.join(" ", digests.subList(0, STYLES.size())),
                String.join(" ", digests.subList(STYLES.size(), digests.size())));
    Map<String, String> parts =
        Map.of(
            "title", escape(title),
            "policy", policy,
            "styles", styles,
            "scripts", scripts,
            "data", data);
    return PLACE
        .matcher(resource("page.html"))
        .replaceAll(
            place -> Matcher.quoteReplacement(parts.getOrDefault(place.group(1), place.group())));
  }

  private static String inline(String element, List<String> names, List<String> digests) {
    StringBuilder text = new StringBuilder();
    for (String name : names) {
      String content = content(name);
      digests.add(digest(content));
      text.append("<%s>%s</%s>\n".formatted(element, content, element));
    }
    return text.toString().stripTrailing();
  }

  /** A file of this package; what is uPlot's comes with its licence. */
  private static String content(String name) {
    String content = "\n" + resource(name).strip() + "\n";
    return name.startsWith("uplot/")
        ? "\n/*\nuPlot\n" + resource("uplot/LICENSE").strip() + "\n*/" + content
        : content;
  }

  /** The browser makes the same of the text between the tags. */
  private static String digest(String content) {
    try {
      byte[] sum =
          MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8));
      return "'sha256-%s'".formatted(Base64.getEncoder().encodeToString(sum));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  /** With the line ends that a browser makes of all others. */
  private static String resource(String name) {
    try (InputStream input = Template.class.getResourceAsStream(name)) {
      if (input == null) {
        throw new IllegalStateException(name + " is missing from the program; build it again");
      }
      return new String(input.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
