package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.report.Outcome;
import io.nvmedirect.vmtest.report.TestResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/**
 * What is kept of a run: {@code results.txt}, a line for each test with its time in the guest and what it
 * published; and {@code verdict}, one line that ./verify shows.
 */
final class ResultFiles implements AutoCloseable {

  private final Path directory;
  private final Writer results;
  private final Map<Outcome, Integer> counts = new EnumMap<>(Outcome.class);
  private int crashes;
  private final long start = System.nanoTime();

  ResultFiles(Path directory) throws IOException {
    this.directory = directory;
    Files.createDirectories(directory);
    Files.deleteIfExists(verdict());
    this.results = Files.newBufferedWriter(directory.resolve("results.txt"));
  }

  private Path verdict() {
    return directory.resolve("verdict");
  }

  /** There was no machine. */
  void skipped(String reason) throws IOException {
    Files.writeString(verdict(), "SKIPPED, " + reason + "\n");
  }

  /** A machine ran again, for QEMU had crashed: the results of its first run are not counted. */
  void crashed(String circumstances) {
    crashes++;
    try {
      results.write("RUN AGAIN\tQEMU crashed or stopped%n%s%n".formatted(circumstances));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  TestResult add(TestResult result) {
    counts.merge(result.outcome(), 1, Integer::sum);
    try {
      results.write("%s\t%d ms\t%s%n".formatted(result.outcome(), result.millis(), result.title()));
      for (TestResult.Published published : result.published()) {
        results.write("%s:%n%s%n".formatted(published.key(), published.value()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return result;
  }

  @Override
  public void close() {
    try {
      results.close();
      if (!counts.isEmpty()) {
        Files.writeString(
            verdict(),
            "%d tests passed, %d failed, %d skipped in %d s%s%n"
                .formatted(
                    counts.getOrDefault(Outcome.PASSED, 0),
                    counts.getOrDefault(Outcome.FAILED, 0),
                    counts.getOrDefault(Outcome.SKIPPED, 0),
                    (System.nanoTime() - start) / 1_000_000_000,
                    crashes == 0
                        ? ""
                        : "; QEMU crashed or stopped, and %d of the machines ran again"
                            .formatted(crashes)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
