package io.nvmedirect.cli;

import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "discard",
    header = "Tell a device that a range is not needed any more.",
    description =
        "Offset and length are whole blocks. What the range reads as afterwards is the device's choice.",
    footer = "  nvmed discard /dev/nvme0n1 --offset 1GiB --length 256MiB")
@SuppressWarnings("NullAway.Init")
final class DiscardCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Mixin DeviceArguments device;

  @Option(
      names = "--offset",
      paramLabel = "SIZE",
      required = true,
      converter = SizeConverter.class,
      description = "First byte.")
  long offset;

  @Option(
      names = "--length",
      paramLabel = "SIZE",
      required = true,
      converter = SizeConverter.class,
      description = "Number of bytes.")
  long length;

  @Override
  public Integer call() throws IOException {
    try (Session session = device.openToWrite(nvmed.stop)) {
      session.requireRange(offset, length);
      int block = session.device().blockBytes();
      if (offset % block != 0 || length % block != 0) {
        throw new IOException(
            "a discard covers whole blocks of %d bytes: offset=%d, length=%d"
                .formatted(block, offset, length));
      }
      if (length > 0) {
        try (NvmeQueue queue = session.device().createQueue();
            NvmeHandle handle = queue.createHandle()) {
          handle.discard(offset, length);
        }
      }
      nvmed.say("%d bytes discarded at offset %d of %s".formatted(length, offset, device.address));
    }
    return 0;
  }
}
