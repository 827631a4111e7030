package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Sizes;
import io.nvmedirect.cli.report.HtmlReport;
import io.nvmedirect.cli.report.ResultFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

@Command(
    name = "report",
    header = "Make an HTML page with plots of one or several results.",
    description = {
      "Takes what 'nvmed bench --json' or fio (--output-format=json or json+) wrote. Several files are "
          + "compared with the first one.",
      "The page is one file that loads nothing: latencies, IOPS over time, a sweep of depths, and the "
          + "numbers of each plot in a table. Latencies are finer with json+ than with json."
    },
    footer = {
      "  nvmed report result.json --html report.html",
      "  nvmed report before.json after.json --html comparison.html --title 'New kernel'"
    })
@SuppressWarnings("NullAway.Init")
final class ReportCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Spec CommandSpec spec;

  @Parameters(arity = "1..*", paramLabel = "RESULT.json", description = "Files with results.")
  List<Path> results;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      required = true,
      description = "The page, which is replaced.")
  Path html;

  @Option(
      names = "--title",
      paramLabel = "TEXT",
      defaultValue = "NVMe measurements",
      description = "Headline of the page (default: ${DEFAULT-VALUE}).")
  String title;

  @Override
  public Integer call() throws IOException {
    refuseToReplaceResults();
    List<ResultFile> files = new ArrayList<>();
    for (Path result : results) {
      files.add(ResultFile.read(result));
    }
    HtmlReport.write(html, title, files);
    int jobs = files.stream().mapToInt(ResultFile::jobs).sum();
    nvmed.say(
        "%s: %s of %s, %s"
            .formatted(
                html,
                count(jobs, "job"),
                count(files.size(), "result file"),
                Sizes.format(Files.size(html))));
    return 0;
  }

  private void refuseToReplaceResults() throws IOException {
    for (Path result : results) {
      if (Files.exists(html) && Files.exists(result) && Files.isSameFile(html, result)) {
        throw new ParameterException(
            spec.commandLine(), "--html would replace the results in " + result);
      }
    }
  }

  private static String count(int number, String what) {
    return number == 1 ? "1 " + what : number + " " + what + "s";
  }
}
