package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.ChildJvm;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.QueueOption;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process without descriptors: what needs one says so, by the address, and leaves none behind. */
@Tag("emulator")
@Timeout(300)
final class OutOfFilesTest {

  private static final int LIMIT = 96;
  private static final String DONE = "all have said so";

  @TempDir Path directory;

  /** Something that needs descriptors. */
  private interface Opening {
    AutoCloseable open() throws IOException;
  }

  /** What runs with few descriptors. */
  static final class Child {

    private static final Deque<NativeFile> taken = new ArrayDeque<>();

    private Child() {}

    /** Takes every descriptor that there is. */
    private static void takeAll() throws IOException {
      while (true) {
        try {
          taken.push(NativeFile.open(Path.of("/dev/null")));
        } catch (LinuxException e) {
          if (e.errno() != Errno.EMFILE) {
            throw e;
          }
          return;
        }
      }
    }

    private static void free(int count) {
      for (int i = 0; i < count; i++) {
        taken.pop().close();
      }
    }

    /** With one more descriptor each time, until there are enough. */
    private static void sweep(String what, String name, Opening opening) throws Exception {
      free(taken.size());
      opening.open().close(); // loads its classes, for which there is no descriptor later
      for (int free = 0; ; free++) {
        takeAll();
        free(free);
        int before = taken.size();
        try {
          opening.open().close();
          if (free == 0) {
            throw new AssertionError(what + " needs no descriptor");
          }
          return;
        } catch (IOException e) {
          String message = String.valueOf(e.getMessage());
          if (!message.contains(name)
              || !message.contains("EMFILE")
              || !message.contains("ulimit -n is " + LIMIT)) {
            throw new AssertionError("%s with %d: %s".formatted(what, free, message), e);
          }
          System.out.println(what + " with " + free + ": " + message);
        }
        takeAll();
        if (taken.size() != before + free) {
          throw new AssertionError(what + " keeps " + (before + free - taken.size()));
        }
      }
    }

    public static void main(String[] arguments) throws Exception {
      String file = arguments[0];
      String served = arguments[1];
      Path socket = Path.of(arguments[2]);
      String serving = "file:" + file;
      sweep("open file:", serving, () -> NvmeDevice.open(serving));
      sweep("open vfio-user:", served, () -> NvmeDevice.open(served));
      try (NvmeDevice device = NvmeDevice.open(served)) {
        sweep("queue", served, () -> device.createQueue(8, QueueOption.INTERRUPT));
        // Smaller ones share files that are there already.
        sweep("allocate", served, () -> device.allocate(2L << 30));
      }
      sweep("serve file:", serving, () -> NvmeServer.open(serving, ServeOptions.defaults()));
      sweep("serve vfio-user:", served, () -> NvmeServer.open(served, ServeOptions.defaults()));
      try (NvmeServer server = NvmeServer.open("mem:1MiB", ServeOptions.defaults())) {
        sweep("listen", socket.toString(), () -> Listener.open(socket));
        if (!server.thread().thread().isAlive()) {
          throw new AssertionError("the server has ended");
        }
      }
      System.out.println(DONE);
    }
  }

  @Test
  void opening_fails_byTheAddress() throws IOException {
    Path image = directory.resolve("image");
    try (NativeFile file = NativeFile.create(image)) {
      file.truncate(1 << 20);
    }
    Path socket = directory.resolve("served");
    try (NvmeServer server = NvmeServer.open("mem:16MiB", ServeOptions.defaults())) {
      server.listen(socket);
      try (ChildJvm child =
          ChildJvm.startWithDescriptors(
              LIMIT,
              directory.resolve("classes.jar"),
              Child.class,
              image.toString(),
              "vfio-user:" + socket,
              directory.resolve("listens").toString())) {
        assertThat(child.awaitEnd()).endsWith(DONE + "\n");
      }
    }
  }
}
