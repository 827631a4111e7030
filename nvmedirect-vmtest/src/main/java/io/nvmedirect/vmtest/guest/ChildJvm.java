package io.nvmedirect.vmtest.guest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A program of this class path in a process of its own, as root or as the ordinary user of the guest. */
final class ChildJvm {

  /** In the guest's /etc/passwd. */
  static final String USER = "user";

  /** The limit comes before the change of the user, who may not raise it: $1 is the limit, $2 the user. */
  private static final String AS_USER =
      "ulimit -l \"$1\" && user=$2 && shift 2 && exec su -s /bin/sh -c 'exec \"$@\"' -- \"$user\" sh \"$@\"";

  /**
   * How a program ended.
   *
   * @param output what it wrote, errors too
   */
  record Result(int status, String output) {}

  private ChildJvm() {}

  /** Starts it as root; what it writes is on the process's input. */
  static Process start(Class<?> main, String... arguments) throws IOException {
    return new ProcessBuilder(command(main, arguments)).redirectErrorStream(true).start();
  }

  /** Runs it to its end as root. */
  static Result run(Class<?> main, String... arguments) throws IOException, InterruptedException {
    return await(command(main, arguments));
  }

  /**
   * Runs it to its end as the ordinary user.
   *
   * @param lockedKib how much memory it may lock: a number of KiB, or unlimited
   */
  static Result runAsUser(String lockedKib, Class<?> main, String... arguments)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(List.of("/bin/sh", "-c", AS_USER, "sh", lockedKib, USER));
    command.addAll(command(main, arguments));
    return await(command);
  }

  private static List<String> command(Class<?> main, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  private static Result await(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Result(process.waitFor(), output);
    } finally {
      process.destroyForcibly();
    }
  }
}
