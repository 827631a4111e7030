package io.nvmedirect.cli;

/** The process: runs one verb and ends with its exit status. */
public final class Main {

  private Main() {}

  /** Runs {@code nvmed}. */
  public static void main(String[] args) {
    Stop stop = new Stop();
    Runtime.getRuntime().addShutdownHook(new Thread(stop::request, "nvmed-stop"));
    int status = Nvmed.commandLine(new Nvmed(Streams.ofProcess(), stop)).execute(args);
    System.exit(status);
  }
}
