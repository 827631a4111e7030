package io.nvmedirect.cli;

import java.io.PrintWriter;
import java.io.Writer;

/**
 * Runs the verbs that are to answer at once, in one process: {@code ./nvmed} records which classes they
 * need, for the JVM's cache of linked classes. Nothing is shown, and what fails is not recorded.
 */
final class Training {

  private static final String[][] VERBS = {
    {"--help"}, {"--version"}, {"list"}, {"doctor"}, {"info", "mem:1MiB"}, {"smart", "mem:1MiB"}
  };

  private Training() {}

  public static void main(String[] arguments) {
    PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
    for (String[] verb : VERBS) {
      Main.run(nowhere, nowhere, verb);
    }
  }
}
