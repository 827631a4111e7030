package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.report.ReportReader;
import io.nvmedirect.vmtest.report.TestResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A machine that runs tests, and their results as they come. */
public final class GuestRun implements AutoCloseable {

  private final VirtualMachine machine;
  private final ReportReader report;
  private final Progress progress;

  /**
   * Starts a machine.
   *
   * @param out takes lines that show how it goes: what the guest prints, failures, and a line for each class
   */
  public static GuestRun start(
      GuestCommand command, String classPath, Path scratch, Consumer<String> out)
      throws IOException, VirtualMachineMissing {
    return new GuestRun(VirtualMachine.start(command, classPath, scratch), out);
  }

  private GuestRun(VirtualMachine machine, Consumer<String> out) {
    this.machine = machine;
    this.progress = new Progress(out);
    this.report =
        new ReportReader(
            machine.report(), machine::circumstances, line -> out.accept("guest| " + line));
  }

  /** The results as they come; the last one is that of the machine itself. To be used once. */
  public Stream<TestResult> results() {
    return Stream.iterate(next(), Optional::isPresent, last -> next()).flatMap(Optional::stream);
  }

  private Optional<TestResult> next() {
    TestResult result = report.next();
    if (result == null) {
      progress.end();
    } else {
      progress.show(result);
    }
    return Optional.ofNullable(result);
  }

  /** Whether QEMU crashed or stopped, which says nothing of what is tested. To be asked after the last result. */
  public boolean emulatorCrashed() {
    return machine.crashed();
  }

  /** Ends the machine as the time limit does. */
  void expire() {
    machine.expire();
  }

  @Override
  public void close() {
    machine.close();
  }
}
