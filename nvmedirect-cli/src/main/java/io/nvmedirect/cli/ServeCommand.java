package io.nvmedirect.cli;

import io.nvmedirect.serve.NvmeServer;
import io.nvmedirect.serve.ServeOptions;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

@Command(
    name = "serve",
    header = "Serve a device to other processes, as an NVMe controller for each.",
    description =
        "Each socket has one client at a time, which finds a controller of its own there by the "
            + "vfio-user protocol: nvmed and this library by vfio-user:/path, SPDK and QEMU by their own "
            + "names for it. All clients see the same data. Runs until it is ended (Ctrl-C).",
    footer = {
      "  nvmed serve vfio-user:/run/dev.sock --device mem:1GiB",
      "  nvmed serve vfio-user:/run/a.sock vfio-user:/run/b.sock --device file:/tmp/nvme.img --queues 4",
      "  nvmed serve vfio-user:/run/ro.sock --device pci:0000:01:00.0 --read-only"
    })
@SuppressWarnings("NullAway.Init")
final class ServeCommand implements Callable<Integer> {

  private static final String SCHEME = "vfio-user:";

  @ParentCommand Nvmed nvmed;
  @Spec CommandSpec spec;

  @Parameters(
      paramLabel = "SOCKET",
      arity = "1..*",
      description = "Where clients connect: vfio-user:/path/of.sock, which must not exist.")
  List<String> sockets;

  @Option(
      names = "--device",
      paramLabel = "ADDRESS",
      description = "What is served, any address (default: ${DEFAULT-VALUE}).",
      defaultValue = "mem:256MiB")
  String device;

  @Option(
      names = "--queues",
      paramLabel = "N",
      description = "I/O queue pairs that a client may have, 1 to 64 (default: 64).",
      defaultValue = "64")
  int queues;

  @Option(
      names = "--namespace",
      paramLabel = "N",
      description = "The only namespace that clients see (default: all of them).",
      defaultValue = "0",
      showDefaultValue = Visibility.NEVER)
  int namespace;

  @Option(names = "--read-only", description = "Fail what would change data.")
  boolean readOnly;

  @Override
  public Integer call() throws IOException {
    List<Path> paths = paths();
    ServeOptions options = options();
    nvmed.stop.enter();
    try (NvmeServer server = NvmeServer.open(device, options)) {
      for (Path path : paths) {
        server.listen(path);
        nvmed.say("serving %s at %s%s".formatted(device, SCHEME, path));
      }
      AtomicBoolean ended = new AtomicBoolean();
      server.onEnd(() -> {
        ended.set(true);
        nvmed.stop.look();
      });
      // If the server ends by itself, closing it says why.
      nvmed.stop.await(ended::get);
    } finally {
      nvmed.stop.leave();
    }
    return 0;
  }

  /** All of them are looked at before the device is opened. */
  private List<Path> paths() {
    List<Path> paths = new ArrayList<>();
    for (String socket : sockets) {
      String path = socket.startsWith(SCHEME) ? socket.substring(SCHEME.length()) : "";
      if (path.isEmpty()) {
        throw misuse(
            "cannot serve at \"%s\": expected vfio-user:PATH, such as vfio-user:/run/dev.sock"
                .formatted(socket));
      }
      try {
        paths.add(Path.of(path));
      } catch (InvalidPathException e) {
        throw misuse("cannot serve at \"%s\": %s".formatted(socket, e.getReason()));
      }
    }
    return paths;
  }

  private ServeOptions options() {
    try {
      return new ServeOptions(queues, namespace, readOnly);
    } catch (IllegalArgumentException e) {
      throw misuse(String.valueOf(e.getMessage()));
    }
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
