package io.nvmedirect.vmtest.guest;

import io.nvmedirect.cli.Main;
import java.io.PrintWriter;
import java.io.StringWriter;

/** The command line, inside this process. */
final class Nvmed {

  /** How a command ended, and what it wrote. */
  record Result(int status, String out, String err) {}

  private Nvmed() {}

  static Result run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
    return new Result(status, out.toString(), err.toString());
  }
}
