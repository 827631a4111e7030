package io.nvmedirect.cli;

import java.io.PrintWriter;

/** The process: runs one verb and ends with its exit status. */
public final class Main {

  private Main() {}

  /** Runs {@code nvmed}. */
  public static void main(String[] args) {
    Stop stop = new Stop();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(stop), "nvmed-stop"));
    int status = Nvmed.commandLine(new Nvmed(Streams.ofProcess(), stop), args).execute(args);
    stop.finish();
    System.exit(status);
  }

  /**
   * Runs {@code nvmed} inside a process that goes on. Data still comes from standard input and goes to
   * standard output.
   *
   * @param out where text goes
   * @param err where errors go
   * @return the exit status
   */
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    return Nvmed.commandLine(new Nvmed(Streams.ofProcess(), new Stop()), args)
        .setOut(out)
        .setErr(err)
        .execute(args);
  }

  /** The JVM ends as soon as this is done, so the message cannot be left to the verb's thread. */
  private static void end(Stop stop) {
    if (stop.request()) {
      System.err.println("nvmed: interrupted");
    }
  }
}
