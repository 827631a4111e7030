package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Sizes;
import java.io.Console;
import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

@Command(
    name = "format",
    header = "Erase a namespace and give it another block size.",
    description =
        "All data of the namespace is lost. Asks on a terminal; anywhere else it needs --force.",
    footer = "  nvmed format 'file:/tmp/nvme.img' --lba 4096 --force")
@SuppressWarnings("NullAway.Init")
final class FormatCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Spec CommandSpec spec;
  @Mixin DeviceArguments device;

  @Option(
      names = "--lba",
      paramLabel = "SIZE",
      required = true,
      converter = SizeConverter.class,
      description = "Bytes of a block: 512 or 4096, as 'nvmed info' lists them.")
  long lba;

  @Option(names = "--force", description = "Do not ask.")
  boolean force;

  @Override
  public Integer call() throws IOException {
    if (lba < 512 || lba > 1 << 20 || Long.bitCount(lba) != 1) {
      throw new ParameterException(
          spec.commandLine(), "--lba is a block size such as 512 or 4096: lba=" + lba);
    }
    if (!force && !confirmed()) {
      throw new IOException("nothing was formatted");
    }
    try (Session session = device.openToWrite(nvmed.stop)) {
      session.device().format((int) lba);
      nvmed.say(
          "%s formatted: %d blocks of %d bytes (%s)"
              .formatted(
                  device.address,
                  session.device().sizeBytes() / session.device().blockBytes(),
                  session.device().blockBytes(),
                  Sizes.format(session.device().sizeBytes())));
    }
    return 0;
  }

  private boolean confirmed() {
    Console console = Terminal.console();
    if (console == null) {
      throw new ParameterException(
          spec.commandLine(), "format erases all data of " + device.address + ": add --force");
    }
    String answer = console.readLine("Erase all data of %s? Type yes: ", device.address);
    return answer != null && answer.strip().toLowerCase(Locale.ROOT).equals("yes");
  }
}
