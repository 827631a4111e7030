package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Sizes;
import java.io.PrintStream;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A line on the terminal that says how far a verb is, redrawn ten times a second; nothing at all if
 * standard output is redirected. Closing it clears the line.
 */
final class Progress implements AutoCloseable {

  private static final int BAR = 24;
  private static final long REDRAW_NS = 100_000_000;

  private final @Nullable PrintStream terminal;
  private final String label;
  private final long total;
  private final long startNs = System.nanoTime();
  private long drawnNs = startNs - REDRAW_NS;
  private boolean drawn;

  /**
   * Draws on a terminal.
   *
   * @param total bytes, or any other measure of the end; 0 if it is not known
   */
  Progress(@Nullable PrintStream terminal, String label, long total) {
    this.terminal = terminal;
    this.label = label;
    this.total = total;
  }

  static Progress of(String label, long total) {
    return new Progress(Terminal.console() == null ? null : System.err, label, total);
  }

  /** Shows the bytes that are done, their rate and the time that is left. */
  void bytes(long done) {
    if (due()) {
      double seconds = Math.max((drawnNs - startNs) / 1e9, 1e-9);
      double rate = done / seconds;
      String left =
          total > 0 && done > 0
              ? String.format(Locale.ROOT, "  %.0f s left", (total - done) / rate)
              : "";
      draw(
          done,
          String.format(Locale.ROOT, "%s  %.0f MB/s%s", Sizes.format(done), rate / 1e6, left));
    }
  }

  /** Shows a note beside the bar. */
  void note(long done, String note) {
    if (due()) {
      draw(done, note);
    }
  }

  private boolean due() {
    long nowNs = System.nanoTime();
    if (terminal == null || nowNs - drawnNs < REDRAW_NS) {
      return false;
    }
    drawnNs = nowNs;
    return true;
  }

  private void draw(long done, String note) {
    if (terminal == null) {
      return;
    }
    String bar = "";
    if (total > 0) {
      double fraction = Math.clamp((double) done / total, 0, 1);
      int full = (int) (fraction * BAR);
      bar =
          "[%s%s] %3d%%  "
              .formatted("#".repeat(full), ".".repeat(BAR - full), (int) (fraction * 100));
    }
    terminal.print("\r\033[K" + label + "  " + bar + note);
    terminal.flush();
    drawn = true;
  }

  @Override
  public void close() {
    if (terminal != null && drawn) {
      terminal.print("\r\033[K");
      terminal.flush();
    }
  }
}
