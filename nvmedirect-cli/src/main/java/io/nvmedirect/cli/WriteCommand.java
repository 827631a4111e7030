package io.nvmedirect.cli;

import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "write",
    header = "Write a file onto a device.",
    description = {
      "The offset is any byte, and so is the input's length: a block that is only partly covered is "
          + "read first and written back with its other bytes unchanged. The device is flushed at "
          + "the end.",
      "A file that does not fit is refused before anything is written; standard input is written "
          + "until the device is full."
    },
    footer = {
      "  nvmed write /dev/nvme0n1 --offset 1MiB --input block.bin",
      "  echo hello | nvmed write 'file:/tmp/nvme.img?size=64MiB' --offset 1000 --input -"
    })
@SuppressWarnings("NullAway.Init")
final class WriteCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Mixin DeviceArguments device;

  @Option(
      names = "--offset",
      paramLabel = "SIZE",
      defaultValue = "0",
      converter = SizeConverter.class,
      description = "First byte on the device (default: ${DEFAULT-VALUE}).")
  long offset;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      required = true,
      description = "The file; - for standard input.")
  String input;

  @Override
  public Integer call() throws IOException {
    long size = DataFile.size(input);
    try (Session session = device.openToWrite(nvmed.stop)) {
      session.requireRange(offset, Math.max(size, 0));
      long count;
      try (ReadableByteChannel source = DataFile.input(input, device.address, nvmed.streams);
          DeviceOutput target = new DeviceOutput(session.device(), offset);
          Progress progress = Progress.of("write", Math.max(size, 0))) {
        new Pump(nvmed.stop, progress).copy(source, target, Long.MAX_VALUE);
        target.finish();
        count = target.count();
      }
      nvmed.say("%d bytes written at offset %d of %s".formatted(count, offset, device.address));
    }
    return 0;
  }
}
