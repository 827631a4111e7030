package io.nvmedirect.cli;

import java.io.Console;
import org.jspecify.annotations.Nullable;

/** The person in front of the program. */
final class Terminal {

  private Terminal() {}

  /** The console; null if standard input or output is redirected. */
  @SuppressWarnings("SystemConsoleNull") // a JDK with -Djdk.console may have none
  static @Nullable Console console() {
    Console console = System.console();
    return console != null && console.isTerminal() ? console : null;
  }
}
