package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Addresses;
import io.nvmedirect.cli.format.Sizes;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

@Command(
    name = "copy",
    header = "Copy a file onto a device, a device into a file, or a device onto another.",
    description = {
      "A name that is no address is a file. A source that does not fit is refused before anything is "
          + "written. The last block keeps its other bytes where the source ends inside it. A device "
          + "is flushed at the end.",
      "--namespace is the namespace of every device in the command."
    },
    footer = {
      "  nvmed copy --verify disk.img /dev/nvme0n1",
      "  nvmed copy /dev/nvme0n1 backup.img",
      "  nvmed copy 'file:/tmp/a.img' 'file:/tmp/b.img?size=1GiB'"
    })
@SuppressWarnings("NullAway.Init")
final class CopyCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Spec CommandSpec spec;
  @Mixin NamespaceOption namespace;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "A file or an address.")
  String source;

  @Parameters(
      index = "1",
      paramLabel = "TARGET",
      description = "A file, which is replaced, or an address.")
  String target;

  @Option(names = "--verify", description = "Read the target back and compare.")
  boolean verify;

  @Override
  public Integer call() throws IOException {
    boolean fromDevice = Addresses.isAddress(source);
    boolean toDevice = Addresses.isAddress(target);
    refuseNonsense(fromDevice, toDevice);
    if (!fromDevice) {
      fileToDevice();
    } else if (!toDevice) {
      deviceToFile();
    } else {
      deviceToDevice();
    }
    return 0;
  }

  private void refuseNonsense(boolean fromDevice, boolean toDevice) throws IOException {
    if (source.equals("-") || target.equals("-")) {
      throw new ParameterException(
          spec.commandLine(), "for a standard stream use 'nvmed read' or 'nvmed write'");
    }
    if (!fromDevice && !toDevice) {
      throw new ParameterException(
          spec.commandLine(),
          "neither %s nor %s is the address of a device; cp copies files"
              .formatted(source, target));
    }
    if ((source.equals(target) && !Addresses.isMemory(source)) || isOneFile()) {
      throw new ParameterException(spec.commandLine(), "source and target are the same: " + source);
    }
  }

  private boolean isOneFile() throws IOException {
    String from = Addresses.file(source);
    String to = Addresses.file(target);
    return from != null
        && to != null
        && Files.exists(Path.of(from))
        && Files.exists(Path.of(to))
        && Files.isSameFile(Path.of(from), Path.of(to));
  }

  private void fileToDevice() throws IOException {
    long size = DataFile.size(source);
    if (verify && size < 0) {
      throw new ParameterException(
          spec.commandLine(),
          "--verify reads the source twice, and %s ends once".formatted(source));
    }
    try (Session to = namespace.openToWrite(target, nvmed.stop)) {
      to.requireRange(0, Math.max(size, 0));
      long startNs = System.nanoTime();
      long count;
      try (ReadableByteChannel input = DataFile.input(source, target, nvmed.streams)) {
        count = store(input, to, Math.max(size, 0));
      }
      report(count, startNs);
      if (verify) {
        try (ReadableByteChannel input = DataFile.input(source, target, nvmed.streams);
            DeviceInput output = new DeviceInput(to.device(), 0, count)) {
          compare(input, output, count);
        }
      }
    }
  }

  private void deviceToFile() throws IOException {
    try (Session from = namespace.openToRead(source, nvmed.stop)) {
      long size = from.device().sizeBytes();
      long startNs = System.nanoTime();
      try (DeviceInput input = new DeviceInput(from.device(), 0, size);
          WritableByteChannel output = DataFile.output(target, source, nvmed.streams);
          Progress progress = Progress.of("copy", size)) {
        new Pump(nvmed.stop, progress).copy(input, output, size);
      }
      report(size, startNs);
      if (verify) {
        try (DeviceInput input = new DeviceInput(from.device(), 0, size);
            ReadableByteChannel output = DataFile.input(target, source, nvmed.streams)) {
          compare(input, output, size);
        }
      }
    }
  }

  private void deviceToDevice() throws IOException {
    try (Session from = namespace.openToRead(source, nvmed.stop);
        Session to = namespace.openToWrite(target, nvmed.stop)) {
      long size = from.device().sizeBytes();
      to.requireRange(0, size);
      long startNs = System.nanoTime();
      try (DeviceInput input = new DeviceInput(from.device(), 0, size)) {
        store(input, to, size);
      }
      report(size, startNs);
      if (verify) {
        try (DeviceInput input = new DeviceInput(from.device(), 0, size);
            DeviceInput output = new DeviceInput(to.device(), 0, size)) {
          compare(input, output, size);
        }
      }
    }
  }

  private long store(ReadableByteChannel input, Session to, long size) throws IOException {
    try (DeviceOutput output = new DeviceOutput(to.device(), 0);
        Progress progress = Progress.of("copy", size)) {
      new Pump(nvmed.stop, progress).copy(input, output, Long.MAX_VALUE);
      output.finish();
      return output.count();
    }
  }

  private void compare(ReadableByteChannel input, ReadableByteChannel output, long size)
      throws IOException {
    try (Progress progress = Progress.of("verify", size)) {
      long difference = new Pump(nvmed.stop, progress).compare(input, output, size);
      if (difference >= 0) {
        throw new IOException(
            "verification failed: %s and %s differ first at offset %d"
                .formatted(source, target, difference));
      }
    }
    nvmed.say("verified: %d bytes are the same".formatted(size));
  }

  private void report(long count, long startNs) {
    double seconds = Math.max(System.nanoTime() - startNs, 1) / 1e9;
    nvmed.say(
        String.format(
            Locale.ROOT,
            "%d bytes (%s) copied in %.2f s, %.0f MB/s",
            count,
            Sizes.format(count),
            seconds,
            count / seconds / 1e6));
  }
}
