package io.nvmedirect.cli;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "read",
    header = "Read bytes of a device into a file.",
    description =
        "Offset and length are any number of bytes; whole blocks are read around them. "
            + "Sizes take k, M, G and T, which are powers of 1024.",
    footer = {
      "  nvmed read /dev/nvme0n1 --offset 1MiB --length 4k --output block.bin",
      "  nvmed read 'file:/tmp/nvme.img' --length 512 --output - | xxd"
    })
@SuppressWarnings("NullAway.Init")
final class ReadCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Mixin DeviceArguments device;

  @Option(
      names = "--offset",
      paramLabel = "SIZE",
      defaultValue = "0",
      converter = SizeConverter.class,
      description = "First byte (default: ${DEFAULT-VALUE}).")
  long offset;

  @Option(
      names = "--length",
      paramLabel = "SIZE",
      required = true,
      converter = SizeConverter.class,
      description = "Number of bytes.")
  long length;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      required = true,
      description = "The file, which is replaced; - for standard output.")
  String output;

  @Override
  public Integer call() throws IOException {
    try (Session session = device.openToRead(nvmed.stop)) {
      session.requireRange(offset, length);
      try (DeviceInput input = new DeviceInput(session.device(), offset, length);
          WritableByteChannel target = DataFile.output(output, device.address, nvmed.streams);
          Progress progress = Progress.of("read", length)) {
        new Pump(nvmed.stop, progress).copy(input, target, length);
      }
    }
    return 0;
  }
}
