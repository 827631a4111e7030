package io.nvmedirect.cli;

import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "flush",
    header = "Make a device keep what its volatile cache holds.",
    description = "Data that was written before survives a power cut afterwards.",
    footer = "  nvmed flush /dev/nvme0n1")
@SuppressWarnings("NullAway.Init")
final class FlushCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Mixin DeviceArguments device;

  @Override
  public Integer call() throws IOException {
    try (Session session = device.openToRead(nvmed.stop)) {
      try (NvmeQueue queue = session.device().createQueue();
          NvmeHandle handle = queue.createHandle()) {
        handle.flush();
      }
      nvmed.say("%s flushed".formatted(device.address));
    }
    return 0;
  }
}
