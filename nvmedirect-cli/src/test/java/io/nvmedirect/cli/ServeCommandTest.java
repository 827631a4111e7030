package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.sysfs.Roots;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
final class ServeCommandTest {

  @TempDir Path directory;
  private String address;

  @BeforeEach
  void name() {
    address = "vfio-user:" + directory.resolve("sock");
  }

  /** A server in this process, until it is told to end. */
  private static final class Server implements AutoCloseable {

    private final Stop stop = new Stop();
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final CompletableFuture<Integer> status;

    Server(String... arguments) {
      Streams streams =
          new Streams(
              () -> Channels.newChannel(new ByteArrayInputStream(new byte[0])),
              () -> Channels.newChannel(new ByteArrayOutputStream()),
              Roots.under(Path.of("/nonexistent")),
              new LiveDriverSteps());
      status =
          CompletableFuture.supplyAsync(
              () ->
                  Nvmed.commandLine(new Nvmed(streams, stop), arguments)
                      .setOut(new PrintWriter(out))
                      .setErr(new PrintWriter(err))
                      .execute(arguments),
              task -> Thread.ofPlatform().start(task));
    }

    void awaitLines(long count) throws InterruptedException {
      while (out.toString().lines().count() < count) {
        assertThat(status).as(err.toString()).isNotDone();
        Thread.sleep(1);
      }
    }

    /** Ctrl-C; returns the exit status. */
    int end() {
      assertThat(stop.request()).isTrue();
      return status.join();
    }

    @Override
    public void close() {
      stop.request();
      assertThat(status.join()).as(err.toString()).isZero();
    }
  }

  private static Cli.Result assertMisused(String... arguments) {
    Cli.Result result = Cli.run(arguments);
    assertThat(result.status()).as(result.err()).isEqualTo(2);
    assertThat(result.out()).isEmpty();
    return result;
  }

  @Test
  void serve_saysWhatAndWhere_untilItIsEnded() throws Exception {
    String second = "vfio-user:" + directory.resolve("second");
    try (Server server = new Server("serve", address, second, "--device", "mem:8MiB")) {
      server.awaitLines(2);
      assertThat(server.out.toString().lines())
          .containsExactly("serving mem:8MiB at " + address, "serving mem:8MiB at " + second);
      try (NvmeDevice one = NvmeDevice.open(address);
          NvmeDevice two = NvmeDevice.open(second)) {
        assertThat(one.sizeBytes()).isEqualTo(8 << 20);
        assertThat(two.descriptors()).as("of the same namespace").isEqualTo(one.descriptors());
      }
      assertThat(server.end()).isZero();
      assertThat(server.err.toString()).isEmpty();
    }
    try (var left = Files.list(directory)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void serve_options_limitClients() throws Exception {
    try (Server server =
        new Server(
            "serve",
            address,
            "--device=mem:8MiB?ns=2",
            "--queues=3",
            "--namespace=2",
            "--read-only")) {
      server.awaitLines(1);
      try (NvmeDevice device = NvmeDevice.open(address)) {
        assertThat(device.maxQueues()).isEqualTo(3);
        assertThat(device.namespaceIds()).containsExactly(1);
        assertThat(device.sizeBytes()).isEqualTo(4 << 20);
      }
      Path input = Files.write(directory.resolve("input"), new byte[512]);
      Cli.Result write = Cli.run("write", address, "--input", input.toString());
      assertThat(write.status()).isEqualTo(1);
      assertThat(write.err()).contains("Namespace is Write Protected");
      for (String load : List.of("randwrite", "randrw")) {
        Cli.Result bench = Cli.run("bench", address, "--rw", load, "--io-size", "64k");
        assertThat(bench.status()).as(bench.toString()).isEqualTo(1);
        assertThat(bench.err()).contains(address + " is write protected: rw=" + load);
      }
    }
  }

  @Test
  void otherVerbs_takeItsAddress() throws Exception {
    try (Server server = new Server("serve", address)) {
      server.awaitLines(1);
      Cli.Result info = Cli.run("info", address);
      assertThat(info.status()).as(info.err()).isZero();
      assertThat(info.out()).contains("256");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/run/dev.sock", "vfio-user:", "pci:0000:01:00.0", "VFIO-USER:/x"})
  void badSocket_isMisuse(String socket) {
    assertThat(assertMisused("serve", socket).err())
        .contains("\"" + socket + "\"")
        .contains("vfio-user:/run/dev.sock");
  }

  @Test
  void noSocket_isMisuse() {
    assertThat(assertMisused("serve").err()).contains("SOCKET");
  }

  @ParameterizedTest
  @CsvSource({
    "--queues, 0, queues=0",
    "--queues, 65, queues=65",
    "--queues, many, many",
    "--namespace, -1, namespace=-1"
  })
  void badLimit_isMisuse(String option, String value, String named) {
    assertThat(assertMisused("serve", address, option, value).err()).contains(named);
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void noSuchNamespace_isAnError() {
    Cli.Result result = Cli.run("serve", address, "--device=mem:8MiB?ns=2", "--namespace=3");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("namespace 3").contains("1 to 2");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void badDevice_isAnError() {
    Cli.Result result = Cli.run("serve", address, "--device=nonsense");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("nonsense");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void pathIsAFile_isAnError_andTheFileStays() throws Exception {
    Path file = Files.writeString(directory.resolve("sock"), "precious");
    Cli.Result result = Cli.run("serve", address);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains(file.toString()).contains("no socket");
    assertThat(file).hasContent("precious");
  }

  @Test
  void secondSocketIsInUse_isAnError_andTheFirstIsGone() throws Exception {
    try (Server server = new Server("serve", address)) {
      server.awaitLines(1);
      Path first = directory.resolve("first");
      Cli.Result result = Cli.run("serve", "vfio-user:" + first, address);
      assertThat(result.status()).isEqualTo(1);
      assertThat(result.err()).contains("somebody else listens");
      assertThat(first).doesNotExist();
      NvmeDevice.open(address).close();
    }
  }
}
