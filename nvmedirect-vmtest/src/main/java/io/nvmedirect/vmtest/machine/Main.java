package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.report.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What {@code ./nvmed vm} runs: a shell in the guest, or tests. */
public final class Main {

  private static final String USAGE =
      """
      usage: nvmed vm                          a shell in a virtual machine with NVMe devices
             nvmed vm --test CLASS[#METHOD]... tests in the virtual machine
             nvmed vm --all                    all its tests, in two machines\
      """;

  private static final int LIMIT_SECONDS = 900;

  private Main() {}

  /**
   * Exit status: 0, 1 if a test failed, 2 on bad usage, 3 if there can be no virtual machine.
   *
   * @param arguments the directory for the machine's files, and the arguments of the user
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of(arguments));
    Path scratch = Path.of(words.removeFirst());
    try {
      System.exit(run(words, scratch));
    } catch (VirtualMachineMissing e) {
      System.err.println("nvmed: no virtual machine: " + e.getMessage());
      System.exit(3);
    }
  }

  private static int run(List<String> words, Path scratch)
      throws IOException, InterruptedException, VirtualMachineMissing {
    if (words.isEmpty()) {
      return shell(scratch);
    }
    if (words.equals(List.of("--all"))) {
      return tests(List.of(), scratch);
    }
    // Once before all names, or before each.
    List<String> names = words.stream().filter(word -> !word.equals("--test")).toList();
    if (words.getFirst().equals("--test") && !names.isEmpty()) {
      return tests(names, scratch);
    }
    boolean help = words.equals(List.of("--help"));
    (help ? System.out : System.err).println(USAGE);
    return help ? 0 : 2;
  }

  private static int shell(Path scratch)
      throws IOException, InterruptedException, VirtualMachineMissing {
    GuestCommand command = new GuestCommand(true, List.of(), LIMIT_SECONDS);
    try (VirtualMachine machine =
        VirtualMachine.start(command, System.getProperty("java.class.path"), scratch)) {
      return machine.await();
    }
  }

  private static int tests(List<String> names, Path scratch)
      throws IOException, VirtualMachineMissing {
    PlanRun run = new PlanRun(System.getProperty("java.class.path"), scratch, System.out::println);
    return run.results(names, LIMIT_SECONDS).stream()
            .anyMatch(result -> result.outcome() == Outcome.FAILED)
        ? 1
        : 0;
  }
}
