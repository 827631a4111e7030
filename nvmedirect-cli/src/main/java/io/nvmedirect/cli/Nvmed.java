package io.nvmedirect.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.lang.module.ModuleDescriptor;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code nvmed}: global options, and what errors look like. */
@Command(
    name = "nvmed",
    description =
        "Reads, writes, copies, inspects, measures and serves NVMe devices from user space.",
    mixinStandardHelpOptions = true,
    versionProvider = Nvmed.Version.class,
    scope = ScopeType.INHERIT,
    usageHelpWidth = 100,
    synopsisSubcommandLabel = "VERB",
    commandListHeading = "%nVerbs:%n",
    parameterListHeading = "%nArguments:%n",
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nvmed list",
      "  nvmed bench",
      "  nvmed info /dev/nvme0n1",
      "  nvmed copy --verify disk.img 'file:/tmp/nvme.img?size=1GiB'",
      "",
      "Addresses:",
      "  mem:256MiB                     a controller inside this process, memory-backed",
      "  mem:1GiB?lba=4096&ns=2         the same with 4096-byte blocks and two namespaces",
      "  file:/tmp/nvme.img?size=1GiB   the same controller, backed by a file that stays",
      "  pci:0000:01:00.0               a device that 'nvmed bind' has given to vfio-pci",
      "  /dev/nvme0n1, /dev/ng0n1       a device that the kernel's driver keeps",
      "  vfio-user:/run/dev.sock        a controller that another process emulates",
      "  tcp://host:4420/NQN?ns=1       NVMe over TCP",
      "Without an address a verb works on mem:256MiB, which is empty and gone afterwards."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:done",
      "1:the device, a file, a comparison or a check failed",
      "2:wrong usage",
      "130:ended by Ctrl-C"
    })
final class Nvmed implements Runnable {

  static final int FAILED = 1;
  static final int MISUSED = 2;
  static final int INTERRUPTED = 130;

  /** In the order of the help. */
  private static final List<Class<?>> VERBS =
      List.of(
          ListCommand.class,
          BindCommand.class,
          UnbindCommand.class,
          DoctorCommand.class,
          InfoCommand.class,
          SmartCommand.class,
          ReadCommand.class,
          WriteCommand.class,
          CopyCommand.class,
          DiscardCommand.class,
          FlushCommand.class,
          FormatCommand.class,
          BenchCommand.class,
          ReportCommand.class,
          ServeCommand.class,
          SimulateCommand.class);

  final Streams streams;
  final Stop stop;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "Show where an error comes from (also with NVMED_DEBUG=1).")
  boolean debug;

  @Spec
  @SuppressWarnings("NullAway.Init")
  CommandSpec spec;

  Nvmed(Streams streams, Stop stop) {
    this.streams = streams;
    this.stop = stop;
  }

  /**
   * The parser of a command line; {@code execute} gives the exit status. It knows all verbs, or only the one that
   * the line begins with: looking at the options of each takes as long as a verb that is to answer at once.
   */
  static CommandLine commandLine(Nvmed nvmed, String... args) {
    CommandLine line = new CommandLine(nvmed);
    List<Class<?>> verbs =
        VERBS.stream().filter(verb -> args.length > 0 && name(verb).equals(args[0])).toList();
    for (Class<?> verb : verbs.isEmpty() ? VERBS : verbs) {
      line.addSubcommand(verb);
    }
    return line.setParameterExceptionHandler(nvmed::misused)
        .setExecutionExceptionHandler(nvmed::failed);
  }

  private static String name(Class<?> verb) {
    return Objects.requireNonNull(verb.getAnnotation(Command.class)).name();
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "which verb?");
  }

  /** Prints a line on standard output. */
  void say(String line) {
    PrintWriter out = out();
    out.println(line);
    out.flush();
  }

  /** Prints a line on standard error. */
  void warn(String line) {
    PrintWriter err = spec.commandLine().getErr();
    err.println(line);
    err.flush();
  }

  /** Standard output for text. */
  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  private int misused(ParameterException error, String[] arguments) {
    CommandLine command = error.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("nvmed: " + error.getMessage());
    if (!UnmatchedArgumentException.printSuggestions(error, err)) {
      err.println("nvmed: see: " + command.getCommandSpec().qualifiedName() + " --help");
    }
    trace(error, err);
    err.flush();
    return MISUSED;
  }

  private int failed(Exception error, CommandLine command, CommandLine.ParseResult parsed) {
    PrintWriter err = command.getErr();
    if (!stop.requested()) {
      message(error).lines().forEach(line -> err.println("nvmed: " + line));
    }
    trace(error, err);
    err.flush();
    return stop.requested() ? INTERRUPTED : FAILED;
  }

  private void trace(Exception error, PrintWriter err) {
    String variable = System.getenv("NVMED_DEBUG");
    if (debug || (variable != null && !List.of("", "0").contains(variable))) {
      error.printStackTrace(err);
    }
  }

  private static String message(Exception error) {
    String message = error.getMessage();
    boolean expected = error instanceof IOException || error instanceof IllegalArgumentException;
    if (message == null || !expected) {
      return "unexpected error, --debug shows more: " + error;
    }
    return switch (error) {
      case NoSuchFileException _ -> message + ": no such file or directory";
      case AccessDeniedException _ -> message + ": permission denied";
      default -> message;
    };
  }

  /** Versions of the program, the JDK and the kernel. */
  static final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() {
      return new String[] {
        "nvmed " + program(),
        "JDK " + Runtime.version(),
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch")
      };
    }

    static String program() {
      ModuleDescriptor module = Nvmed.class.getModule().getDescriptor();
      return module == null ? "development build" : module.rawVersion().orElse("development build");
    }
  }
}
