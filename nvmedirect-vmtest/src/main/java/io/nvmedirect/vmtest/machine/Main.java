package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.report.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** What {@code ./nvmed vm} runs: a shell in the guest, or tests. */
public final class Main {

  private static final String USAGE =
      """
      usage: nvmed vm                          a shell in a virtual machine with NVMe devices
             nvmed vm --test CLASS[#METHOD]... tests in the virtual machine
             nvmed vm --all                    all its tests\
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
    GuestCommand command;
    if (words.isEmpty()) {
      command = new GuestCommand(true, List.of(), LIMIT_SECONDS);
    } else if (words.equals(List.of("--all"))) {
      command = new GuestCommand(false, List.of(), LIMIT_SECONDS);
    } else if (words.getFirst().equals("--test") && words.size() > 1) {
      command = new GuestCommand(false, words.subList(1, words.size()), LIMIT_SECONDS);
    } else {
      boolean help = words.equals(List.of("--help"));
      (help ? System.out : System.err).println(USAGE);
      System.exit(help ? 0 : 2);
      return;
    }
    try {
      System.exit(command.shell() ? shell(command, scratch) : tests(command, scratch));
    } catch (VirtualMachineMissing e) {
      System.err.println("nvmed: no virtual machine: " + e.getMessage());
      System.exit(3);
    }
  }

  private static int shell(GuestCommand command, Path scratch)
      throws IOException, InterruptedException, VirtualMachineMissing {
    try (VirtualMachine machine =
        VirtualMachine.start(command, System.getProperty("java.class.path"), scratch)) {
      return machine.await();
    }
  }

  private static int tests(GuestCommand command, Path scratch)
      throws IOException, VirtualMachineMissing {
    Consumer<String> out = System.out::println;
    try (GuestRun run =
        GuestRun.start(command, System.getProperty("java.class.path"), scratch, out)) {
      long failed = run.results().filter(result -> result.outcome() == Outcome.FAILED).count();
      return failed == 0 ? 0 : 1;
    }
  }
}
