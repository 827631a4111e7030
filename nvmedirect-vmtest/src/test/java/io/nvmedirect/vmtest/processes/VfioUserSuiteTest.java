package io.nvmedirect.vmtest.processes;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.serve.LimitedServers;
import io.nvmedirect.serve.NvmeServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** The tests of the API, the differential test among them, on devices that another process serves. */
@Timeout(600)
final class VfioUserSuiteTest {

  /** Random operations of a test that has many of them. */
  private static final String OPERATIONS = "2000";

  /** Less, and not all of the suite was found. */
  private static final int LEAST_TESTS = 100;

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"mem:64MiB", "mem:64MiB?lba=4096&mdts=16KiB"})
  void suite_memory(String device) throws IOException {
    try (ServerProcess server = ServerProcess.start(directory.resolve("cntrl"), device)) {
      run(server.address());
      // SPDK's convention: the directory that has a socket of this name.
      run("vfio-user:" + directory, "io.nvmedirect.NvmeDeviceTest");
    }
  }

  @Test
  void suite_fileWithFewQueues() throws IOException {
    String device = "file:%s?size=64MiB".formatted(directory.resolve("image"));
    try (ServerProcess server =
        ServerProcess.start(directory.resolve("sock"), device, "--queues", "2")) {
      run(server.address());
    }
  }

  /** The second server does its I/O through the driver, as it does with a disk. */
  @Test
  void suite_forwardedToAnotherDevice() throws IOException {
    try (ServerProcess disk = ServerProcess.start(directory.resolve("disk"), "mem:64MiB");
        ServerProcess server = ServerProcess.start(directory.resolve("sock"), disk.address())) {
      run(server.address());
    }
  }

  /** As libvfio-user, which takes 64 mappings and does not say so, but much fewer. */
  @Test
  void suite_serverTakesFewMappings() throws IOException {
    Path socket = directory.resolve("few");
    try (NvmeServer server = LimitedServers.open("mem:64MiB", 4)) {
      server.listen(socket);
      run("vfio-user:" + socket);
    }
  }

  private static void run(String address) {
    TestExecutionSummary summary = execute(address, "");
    assertThat(summary.getTestsSucceededCount()).isGreaterThan(LEAST_TESTS);
  }

  private static void run(String address, String className) {
    TestExecutionSummary summary = execute(address, className);
    assertThat(summary.getTestsSucceededCount()).isPositive();
  }

  private static TestExecutionSummary execute(String address, String className) {
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(
                className.isEmpty()
                    ? DiscoverySelectors.selectPackage("io.nvmedirect")
                    : DiscoverySelectors.selectClass(className))
            .filters(TagFilter.includeTags("api & !emulator"))
            .configurationParameter("nvmedirect.addresses", address)
            .configurationParameter("nvmedirect.operations", OPERATIONS)
            .build();
    LauncherFactory.create().execute(request, listener);
    TestExecutionSummary summary = listener.getSummary();
    StringWriter failures = new StringWriter();
    summary.printFailuresTo(new PrintWriter(failures, true));
    assertThat(summary.getTotalFailureCount()).as("%s", failures).isZero();
    System.out.printf(
        "%s: %d tests passed, %d skipped%n",
        address, summary.getTestsSucceededCount(), summary.getTestsAbortedCount());
    return summary;
  }
}
