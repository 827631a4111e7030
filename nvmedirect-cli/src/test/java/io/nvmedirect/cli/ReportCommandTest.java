package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReportCommandTest {

  private static final String RESULT =
      """
      {"jobs": [{"jobname": "scan", "read": {"total_ios": 5, "iops": 2.5, "bw": 10}}]}
      """;

  @TempDir Path directory;

  private Path result;
  private Path page;

  @BeforeEach
  void writeResult() throws IOException {
    result = Files.writeString(directory.resolve("result.json"), RESULT);
    page = directory.resolve("page.html");
  }

  @Test
  void report_makesThePage() throws IOException {
    Cli.Result run = report(result, "--title", "A & B", "--html", page);
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(run.out()).startsWith(page + ": 1 job of 1 result file, ").endsWith(" KiB\n");
    assertThat(page).content().contains("<h1>A &amp; B</h1>", "\"scan\"");
  }

  @Test
  void report_severalFiles() throws IOException {
    Path other = Files.writeString(directory.resolve("other.json"), RESULT);
    Cli.Result run = report(result, other, "--html", page);
    assertThat(run.out()).contains("2 jobs of 2 result files");
    assertThat(page).content().contains("\"result\"", "\"other\"", "<h1>NVMe measurements</h1>");
  }

  @Test
  void report_badFile_exits1AndWritesNothing() throws IOException {
    Path bad = Files.writeString(directory.resolve("bad.json"), "{}");
    Cli.Result run = report(result, bad, "--html", page);
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).isEqualTo("nvmed: " + bad + ": jobs is missing\n");
    assertThat(page).doesNotExist();
  }

  @Test
  void report_fileThatIsNotThere_exits1() {
    Cli.Result run = report(directory.resolve("none.json"), "--html", page);
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).endsWith("none.json: no such file or directory\n");
  }

  @Test
  void report_pageWouldReplaceAResult_exits2() {
    Cli.Result run = report(result, "--html", directory.resolve("./result.json"));
    assertThat(run.status()).isEqualTo(2);
    assertThat(run.err()).contains("--html would replace the results in " + result);
    assertThat(result).content().isEqualTo(RESULT);
  }

  @Test
  void report_pageInNoDirectory_exits1() {
    Cli.Result run = report(result, "--html", directory.resolve("none/page.html"));
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).endsWith("none/page.html: no such file or directory\n");
  }

  private static Cli.Result report(Object... arguments) {
    String[] words = new String[arguments.length + 1];
    words[0] = "report";
    for (int i = 0; i < arguments.length; i++) {
      words[i + 1] = arguments[i].toString();
    }
    return Cli.run(words);
  }
}
