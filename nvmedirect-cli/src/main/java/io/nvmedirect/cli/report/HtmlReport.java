package io.nvmedirect.cli.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * One self-contained page of one or several result files: what was measured, plots, and the numbers of
 * each plot in a table. It is for a browser and loads nothing.
 */
public final class HtmlReport {

  private HtmlReport() {}

  /**
   * Makes the page. With several files, the first is what the others are compared to.
   *
   * @throws IllegalArgumentException if there are no files
   */
  public static String page(String title, List<ResultFile> files) {
    if (files.isEmpty()) {
      throw new IllegalArgumentException("files=0: a report needs at least one");
    }
    return Template.fill(title, PageData.of(files));
  }

  /**
   * Writes the page; a file that is there is replaced.
   *
   * @throws IllegalArgumentException if there are no files
   * @throws IOException if the page cannot be written
   */
  public static void write(Path page, String title, List<ResultFile> files) throws IOException {
    Files.writeString(page, page(title, files));
  }
}
