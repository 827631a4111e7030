package io.nvmedirect.cli.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a browser draws of the page, on a desktop and on a phone, in light and in dark. */
@Timeout(300)
final class ReportPageTest {

  private static final String LATENCY = "Latency distribution";
  private static final String SERIES = "IOPS over time";

  @TempDir static Path directory;

  private static Chromium chromium;

  @BeforeAll
  static void start() throws IOException {
    Optional<Path> program = Chromium.program();
    assumeThat(program)
        .as("chromium is not installed, so no page is drawn: apt-get install chromium")
        .isPresent();
    chromium = Chromium.start(program.get(), Files.createDirectory(directory.resolve("home")));
  }

  @AfterAll
  static void stop() {
    if (chromium != null) {
      chromium.close();
    }
  }

  @ParameterizedTest(name = "{0} pixels, {1}")
  @CsvSource({"1280, light", "1280, dark", "360, light", "360, dark"})
  void page_oneFile_drawsLatencyAndSeries(int width, String theme) throws IOException {
    Page page =
        open(
            width,
            theme.equals("dark"),
            Samples.run(
                "run.json",
                Samples.job("mixed", "randrw", 32, 60, true),
                Samples.job("reads", "randread", 1, 6, true)));

    assertThat(page.headings()).containsExactly(LATENCY, SERIES, "All results");
    for (int line = 1; line <= 3; line++) {
      assertRises(page, LATENCY, line);
      List<Drawing.Point> series = page.curve(SERIES, 0, line);
      double plot = page.drawing(SERIES, 0).width();
      assertThat(series).as("columns of line %d", line).hasSizeGreaterThan((int) (plot * 0.9));
      // The second half of each sample has half of the I/O.
      assertThat(height(series, plot * 0.1, plot * 0.4) / height(series, plot * 0.6, plot * 0.9))
          .as("drop of line %d", line)
          .isBetween(1.8, 2.2);
    }
    // 6 µs are left of 60 µs, and those of 150 µs.
    assertThat(middle(page.curve(LATENCY, 0, 3))).isLessThan(middle(page.curve(LATENCY, 0, 1)));
    assertThat(middle(page.curve(LATENCY, 0, 1))).isLessThan(middle(page.curve(LATENCY, 0, 2)));
    // Reads are 70 of 100.
    assertThat(height(page.curve(SERIES, 0, 1), 0, 1e6) / height(page.curve(SERIES, 0, 2), 0, 1e6))
        .isBetween(2.1, 2.6);

    assertThat(page.rows(LATENCY)).as("mean, least, 8 percentiles, most").isEqualTo(11);
    assertThat(page.rows(SERIES)).isEqualTo(50);
    assertThat(page.rows("All results")).isEqualTo(3);
    assertThat(page.text("#tiles")).contains("Highest IOPS", "p99.9", "µs");
    assertThat(page.text("#setups")).contains("mem:1GiB", "emulated", "AMD EPYC", "25.0.3+9");
  }

  @Test
  void page_jobsOfOtherDepths_areASweep() throws IOException {
    Page page = open(1280, false, Samples.run("sweep.json", sweep(5, 1)));
    assertThat(page.headings()).contains("Depth sweep").doesNotContain("Comparison");
    assertThat(page.rows("Depth sweep")).isEqualTo(6);
    for (int plot = 0; plot < 2; plot++) {
      assertRises(page.curve("Depth sweep", plot, 1), page.drawing("Depth sweep", plot));
    }
  }

  @ParameterizedTest
  @CsvSource({"1280, false", "360, true"})
  void page_severalFiles_areCompared(int width, boolean dark) throws IOException {
    Page page =
        open(
            width,
            dark,
            Samples.run("a/one.json", Samples.job("first", "randread", 4, 10, true)),
            Samples.run("b/two.json", Samples.job("second", "randread", 4, 20, false)));
    assertThat(page.headings())
        .as("no sweep, and no headings for files that differ in nothing")
        .containsExactly("Comparison", LATENCY, SERIES, "All results");
    assertThat(page.rows("Comparison")).isEqualTo(2);
    assertThat(
            chromium.evaluate("document.querySelector('tbody tr:last-child').innerText").asText())
        .startsWith("randread 4k\ttwo\t153,846\t0.50\t");
    assertThat(page.text(".match")).contains("×0.50", "×2.00").doesNotContain("NaN");
    assertRises(page, LATENCY, 1);
    assertRises(page, LATENCY, 2);

    // Bars of IOPS and of two percentiles, each of the first file and of the second.
    List<Integer> bars = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Drawing bar = page.part(".fill", i);
      bars.add(bar.curve(page.colour(i % 2 + 1)).size());
    }
    assertThat(bars.get(0) / (double) bars.get(1)).isBetween(1.9, 2.1);
    assertThat(bars.get(3) / (double) bars.get(2)).isBetween(1.9, 2.1);
    assertThat(bars.get(5) / (double) bars.get(4)).isBetween(1.9, 2.1);
  }

  @Test
  void page_lateReads_haveALineSinceDue() throws IOException {
    Page page = open(1280, false, Samples.run("late.json", Samples.late("late", 10, 400)));
    assertThat(page.text(".legend")).contains("late · since due");
    assertThat(page.rows(LATENCY)).isEqualTo(11);
    assertRises(page.curve(LATENCY, 0, 1), page.drawing(LATENCY, 0));
    assertRises(page.curve(LATENCY, 0, 2), page.drawing(LATENCY, 0));
    assertThat(middle(page.curve(LATENCY, 0, 1))).isLessThan(middle(page.curve(LATENCY, 0, 2)));
  }

  @Test
  void page_tooManyLines_aPlotForEachWorkload() throws IOException {
    List<Object> jobs = new ArrayList<>(List.of(sweep(5, 1)));
    for (int i = 0; i < 4; i++) {
      jobs.add(Samples.job("writer" + i, "randwrite", 8, 10 + i, true));
    }
    Page page = open(360, false, Samples.run("many.json", jobs.toArray()));
    assertThat(page.headings())
        .containsExactly(
            LATENCY + ", randread 4k",
            LATENCY + ", randwrite 4k",
            SERIES + ", randread 4k",
            SERIES + ", randwrite 4k",
            "Depth sweep",
            "All results");
    assertThat(page.rows("All results")).isEqualTo(10);
  }

  /** As of bench --compare: seven ways to do the same loads. */
  private static Object[] contenders() {
    List<Object> jobs = new ArrayList<>();
    for (String rw : List.of("randread", "randwrite")) {
      for (int depth : new int[] {1, 8, 32, 128}) {
        for (int i = 0; i < CONTENDERS.size(); i++) {
          jobs.add(Samples.job(CONTENDERS.get(i), rw, depth, 5 + i + depth, true));
        }
      }
    }
    return jobs.toArray();
  }

  private static final List<String> CONTENDERS =
      List.of(
          "FileChannel DIRECT",
          "FileChannel",
          "AsynchronousFileChannel DIRECT",
          "mapped file",
          "io_uring DIRECT (jasyncfio)",
          "nvmed file:",
          "nvmed mem:");

  @Test
  void page_contendersOfOneWorkload_areNamed() throws IOException {
    Page page = open(1280, false, Samples.run("compare.json", contenders()));
    for (String load : List.of("randread 4k", "randwrite 4k")) {
      String figure = Page.figure("Depth sweep, " + load);
      assertThat(page.texts(figure + ".querySelectorAll('.legend li')"))
          .containsExactlyElementsOf(CONTENDERS.stream().map(name -> name + " · " + load).toList());
      assertThat(page.texts(figure + ".querySelectorAll('tbody tr')"))
          .hasSize(28)
          .allSatisfy(row -> assertThat(CONTENDERS).contains(row.split("\t", -1)[0]));
    }
    assertThat(page.headings())
        .contains(
            LATENCY + ", randread 4k · depth 1",
            LATENCY + ", randwrite 4k · depth 128",
            SERIES + ", randread 4k · depth 8")
        .hasSize(2 * 8 + 2 + 1);
    String depthOne = LATENCY + ", randread 4k · depth 1";
    assertThat(page.texts(Page.figure(depthOne) + ".querySelectorAll('.legend li')"))
        .hasSize(7)
        .allSatisfy(
            line -> assertThat(CONTENDERS).anySatisfy(name -> assertThat(line).startsWith(name)));
  }

  @Test
  void page_contendersInSeveralFiles_areComparedByName() throws IOException {
    Object first = Samples.job("FileChannel", "randread", 1, 10, true);
    Object second = Samples.job("mapped file", "randread", 1, 20, true);
    Page page =
        open(
            1280,
            false,
            Samples.run("a/one.json", first, second),
            Samples.run("b/two.json", second, first));
    assertThat(page.texts("document.querySelectorAll('.match h3')"))
        .containsExactly(
            "FileChannel · randread 4k, depth 1, 1 job, read",
            "mapped file · randread 4k, depth 1, 1 job, read");
    assertThat(page.texts(Page.figure("Comparison") + ".querySelectorAll('tbody tr')"))
        .hasSize(4)
        .allSatisfy(row -> assertThat(row.split("\t", -1)[3]).isEqualTo("1.00"))
        .satisfies(
            rows -> assertThat(rows.getFirst()).startsWith("FileChannel · randread 4k\tone\t"));
  }

  @Test
  void page_lightAndDark_changeWhileOpen() throws IOException {
    ResultFile file = Samples.run("run.json", Samples.job("reads", "randread", 1, 6, true));
    Page light = open(1280, false, file);
    chromium.look(1280, 800, 1, true);
    Page dark = Page.take(1);
    assertThat(brightness(light.image().getRGB(2, 2))).isGreaterThan(220);
    assertThat(brightness(dark.image().getRGB(2, 2))).isLessThan(40);
    assertThat(light.colour(1)).isNotEqualTo(dark.colour(1));
    assertRises(dark, LATENCY, 1);
  }

  @Test
  void page_windowTurns_plotsFollow() throws IOException {
    open(1280, false, Samples.run("run.json", Samples.job("reads", "randread", 1, 6, true)));
    chromium.look(360, 800, 2, false);
    Page narrow = Page.take(2);
    assertThat(chromium.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(360);
    assertThat(narrow.drawing(LATENCY, 0).width()).isBetween(400, 720);
    assertRises(narrow, LATENCY, 1);
  }

  @Test
  void page_hostileNames_areShownAndDoNothing() throws IOException {
    String name = "</script><script>window.harmed=1</script><img src=x onerror=window.harmed=1>";
    Page page = open(360, false, Samples.run(name, Samples.job(name, "randread", 1, 6, true)));
    assertThat(chromium.evaluate("window.harmed === undefined").asBoolean()).isTrue();
    assertThat(page.text(".legend")).contains(name);
  }

  @Test
  void copy_givesTheTableWithTabs() throws IOException {
    open(1280, false, Samples.run("run.json", Samples.job("reads", "randread", 1, 6, true)));
    String copied = copy("{ writeText: done }");
    assertThat(copied).startsWith("Time (s)\treads (I/O/s)\n0.1\t");
    assertThat(copied.lines())
        .hasSize(51)
        .allSatisfy(line -> assertThat(line).containsOnlyOnce("\t"));
    assertThat(copy("undefined")).as("where a page may not use the clipboard").isEqualTo(copied);
    assertThat(copy("{ writeText: () => Promise.reject() }")).isEqualTo(copied);
  }

  /** What the button below the second plot copies, where {@code navigator.clipboard} is this. */
  private static String copy(String clipboard) throws IOException {
    return chromium
        .evaluate(
            """
            new Promise(done => {
              Object.defineProperty(navigator, "clipboard", { value: %s, configurable: true });
              document.addEventListener("copy", () => done(document.activeElement.value), { once: true });
              setTimeout(() => done("nothing was copied"), 10000);
              document.querySelectorAll("figure button")[1].click();
            })
            """
                .formatted(clipboard))
        .asText();
  }

  private static Object[] sweep(double us, double growth) {
    List<Object> jobs = new ArrayList<>();
    for (int depth = 1; depth <= 32; depth *= 2) {
      jobs.add(Samples.job("qd" + depth, "randread", depth, us + growth * depth, true));
    }
    return jobs.toArray();
  }

  private static Page open(int width, boolean dark, ResultFile... files) throws IOException {
    Path path = directory.resolve("page.html");
    HtmlReport.write(path, "A report", List.of(files));
    double ratio = width < 600 ? 2 : 1;
    chromium.look(width, 800, ratio, dark);
    chromium.open(path);
    assertThat(chromium.complaints()).isEmpty();
    assertThat(chromium.requests()).containsExactly(path.toUri().toString());
    assertThat(chromium.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(width);
    return Page.take(ratio);
  }

  /** What was drawn, and what the document says of it. */
  private record Page(BufferedImage image, double ratio, List<Integer> colours) {

    /** Of what Chromium shows now. */
    static Page take(double ratio) throws IOException {
      List<Integer> colours = new ArrayList<>();
      chromium
          .evaluate(
              """
              [1, 2, 3].map(line =>
                getComputedStyle(document.documentElement).getPropertyValue("--series-" + line).trim())
              """)
          .forEach(colour -> colours.add(Integer.parseInt(colour.asText().substring(1), 16)));
      return new Page(chromium.screenshot(ratio), ratio, colours);
    }

    List<String> headings() throws IOException {
      List<String> headings = new ArrayList<>();
      chromium
          .evaluate("[...document.querySelectorAll('h2')].map(heading => heading.innerText)")
          .forEach(heading -> headings.add(heading.asText()));
      return headings;
    }

    /** Of each element of a list. */
    List<String> texts(String elements) throws IOException {
      List<String> texts = new ArrayList<>();
      chromium
          .evaluate("[...%s].map(element => element.innerText)".formatted(elements))
          .forEach(text -> texts.add(text.asText().strip()));
      return texts;
    }

    String text(String selector) throws IOException {
      return chromium
          .evaluate("document.querySelector('%s').innerText".formatted(selector))
          .asText();
    }

    int rows(String heading) throws IOException {
      return chromium.evaluate(figure(heading) + ".querySelectorAll('tbody tr').length").asInt();
    }

    /** Where the lines of a plot are. */
    Drawing drawing(String heading, int plot) throws IOException {
      return part(figure(heading) + ".querySelectorAll('.u-over')[%d]".formatted(plot));
    }

    Drawing part(String selector, int index) throws IOException {
      return part("document.querySelectorAll('%s')[%d]".formatted(selector, index));
    }

    private Drawing part(String element) throws IOException {
      JsonNode box =
          chromium.evaluate(
              "(({left, top, width, height}) => ({left, top, width, height}))(%s.getBoundingClientRect())"
                  .formatted(element));
      ToDoubleFunction<String> pixels = side -> box.path(side).asDouble() * ratio;
      return new Drawing(
          image,
          (int) Math.round(pixels.applyAsDouble("left")),
          (int) Math.round(pixels.applyAsDouble("top")),
          (int) Math.round(pixels.applyAsDouble("width")),
          (int) Math.round(pixels.applyAsDouble("height")));
    }

    List<Drawing.Point> curve(String heading, int plot, int line) throws IOException {
      return drawing(heading, plot).curve(colour(line));
    }

    /** Of a line, counted from 1 on. */
    int colour(int line) {
      return colours.get(line - 1);
    }

    private static String figure(String heading) {
      return "[...document.querySelectorAll('figure')].find(figure => figure.querySelector('h2').innerText === '%s')"
          .formatted(heading);
    }
  }

  private static void assertRises(Page page, String heading, int line) throws IOException {
    assertRises(page.curve(heading, 0, line), page.drawing(heading, 0));
  }

  /** From the lower left to the upper right, and nowhere down by more than a ring's or a line's height. */
  private static void assertRises(List<Drawing.Point> curve, Drawing plot) {
    assertThat(curve).hasSizeGreaterThan(plot.width() / 5);
    assertThat(curve.getFirst().height()).isLessThan(plot.height() * 0.2);
    assertThat(curve.getLast().height()).isGreaterThan(plot.height() * 0.7);
    double highest = 0;
    for (Drawing.Point point : curve) {
      assertThat(point.height()).isGreaterThan(highest - 0.05 * plot.height());
      highest = Math.max(highest, point.height());
    }
  }

  /** Mean height of the columns from one to another. */
  private static double height(List<Drawing.Point> curve, double from, double to) {
    return curve.stream()
        .filter(point -> point.column() >= from && point.column() <= to)
        .mapToDouble(Drawing.Point::height)
        .average()
        .orElseThrow();
  }

  private static double middle(List<Drawing.Point> curve) {
    return (curve.getFirst().column() + curve.getLast().column()) / 2.0;
  }

  private static int brightness(int rgb) {
    return ((rgb >> 16 & 0xff) + (rgb >> 8 & 0xff) + (rgb & 0xff)) / 3;
  }
}
