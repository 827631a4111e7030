package io.nvmedirect.cli.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HtmlReportTest {

  private static final String HOSTILE = "</script><script>alert(1)</script><!--&amp;";

  @TempDir Path directory;

  @Test
  void page_hostileNames_areText() throws IOException {
    String page =
        HtmlReport.page(
            HOSTILE + "\"",
            List.of(Samples.run(HOSTILE, Samples.job(HOSTILE, "randread", 1, 10, true))));
    assertThat(page)
        .doesNotContain("<script>alert")
        .contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!--&amp;amp;&quot;")
        .contains("\\u003c/script\\u003e\\u003cscript\\u003ealert(1)");
    assertThat(Pattern.compile("<script").matcher(page).results()).hasSize(5);
    assertThat(Pattern.compile("</script>").matcher(page).results()).hasSize(5);
  }

  @Test
  void page_isCompleteAndHasTheLicence() throws IOException {
    String page = sample();
    assertThat(page)
        .startsWith("<!DOCTYPE html>")
        .contains("default-src 'none'", "var uPlot=", "The MIT License (MIT)", "Leon Sorokin")
        .doesNotContain("{{", "<link rel=\"stylesheet\"", "src=", "@import", "url(");
  }

  @Test
  void page_placesInTheData_areLeftAlone() throws IOException {
    ResultFile file = Samples.run("{{policy}}", Samples.job("{{title}}$1", "read", 1, 10, true));
    assertThat(HtmlReport.page("{{data}}", List.of(file)))
        .contains("<h1>{{data}}</h1>", "\"{{title}}$1\"", "\"{{policy}}\"");
  }

  @Test
  void page_noFiles_isRefused() {
    assertThatThrownBy(() -> HtmlReport.page("x", List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("files=0: a report needs at least one");
  }

  @Test
  void write_replacesTheFile() throws IOException {
    Path page = Files.writeString(directory.resolve("page.html"), "x".repeat(1_000_000));
    HtmlReport.write(
        page, "A title", List.of(Samples.run("a", Samples.job("a", "read", 1, 10, true))));
    assertThat(page).content().isEqualTo(sample());
  }

  @Test
  void names_areShortAndDifferent() {
    assertThat(PageData.names(List.of("x/a.json", "x/b.txt", ".json")))
        .containsExactly("a", "b.txt", ".json");
    assertThat(PageData.names(List.of("x/a.json", "y/a.json")))
        .containsExactly("x/a.json", "y/a.json");
    assertThat(PageData.names(List.of("a", "a"))).containsExactly("a (1)", "a (2)");
  }

  private static String sample() throws IOException {
    return HtmlReport.page(
        "A title", List.of(Samples.run("a", Samples.job("a", "read", 1, 10, true))));
  }
}
