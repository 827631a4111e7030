package io.nvmedirect.cli;

/** The process: runs one verb and ends with its exit status. */
public final class Main {

  private Main() {}

  /** Runs {@code nvmed}. */
  public static void main(String[] args) {
    Stop stop = new Stop();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(stop), "nvmed-stop"));
    int status = Nvmed.commandLine(new Nvmed(Streams.ofProcess(), stop)).execute(args);
    stop.finish();
    System.exit(status);
  }

  /** The JVM ends as soon as this is done, so the message cannot be left to the verb's thread. */
  private static void end(Stop stop) {
    if (stop.request()) {
      System.err.println("nvmed: interrupted");
    }
  }
}
