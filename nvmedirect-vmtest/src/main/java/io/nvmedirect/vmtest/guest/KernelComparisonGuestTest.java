package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/**
 * The paper's comparison, on one device in one run: random I/O of 4 KiB by {@code nvmed bench} over VFIO, by the
 * same tool with {@code FileChannel} and O_DIRECT on the kernel's block device, and by fio with io_uring where
 * the guest has it. The figures are reported, not judged: the CPU is emulated.
 */
@Timeout(600)
final class KernelComparisonGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.SHARED_B;
  private static final List<String> WORKLOADS = List.of("randread", "randwrite");
  private static final List<Integer> DEPTHS = List.of(1, 32);
  private static final int ROUNDS = 3;
  private static final String RUNTIME = "400ms";
  private static final String RAMP = "100ms";

  /** What one run gave. */
  private record Result(double iops, double medianUs) {}

  private final ObjectMapper mapper = new ObjectMapper();

  /** By contender, operation and depth. */
  private final Map<String, List<Result>> results = new TreeMap<>();

  @AfterEach
  void giveBack() throws IOException {
    PciDriver.bind(DEVICE, DEVICE.driver());
  }

  @Test
  void randomIo_directAgainstKernel(TestReporter reporter) throws Exception {
    Path fio = Commands.find("fio");
    for (int round = 0; round < ROUNDS; round++) {
      PciDriver.bind(DEVICE, GuestDevice.Driver.VFIO);
      bench("NVMeDirect over VFIO", DEVICE.address());
      PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
      Path disk = PciDriver.disk(DEVICE, 1);
      bench("FileChannel DIRECT", disk.toString(), "--engine", "filechannel", "--direct");
      if (fio != null) {
        fio(fio, disk);
      }
    }
    results.forEach((what, runs) -> reporter.publishEntry(what, median(runs)));
    assertThat(results)
        .hasSizeGreaterThanOrEqualTo(8)
        .allSatisfy((what, runs) ->
            assertThat(runs).hasSize(ROUNDS).allSatisfy(run -> assertThat(run.iops).isPositive()));
  }

  private static String median(List<Result> runs) {
    List<Double> iops = new ArrayList<>(runs.stream().map(Result::iops).toList());
    List<Double> us = new ArrayList<>(runs.stream().map(Result::medianUs).toList());
    Collections.sort(iops);
    Collections.sort(us);
    return "%,.0f IOPS, p50 %,.0f us (of %d runs: %,.0f to %,.0f IOPS)"
        .formatted(
            iops.get(iops.size() / 2),
            us.get(us.size() / 2),
            runs.size(),
            iops.getFirst(),
            iops.getLast());
  }

  private void bench(String contender, String target, String... options) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("bench", target));
    arguments.addAll(List.of("--rw", String.join(",", WORKLOADS), "--iodepth", "1,32"));
    arguments.addAll(List.of("--runtime", RUNTIME, "--ramp-time", RAMP, "--json", "-"));
    arguments.addAll(List.of(options));
    Nvmed.Result result = Nvmed.run(arguments.toArray(String[]::new));
    assertThat(result.status()).as(result.toString()).isZero();
    add(contender, result.out());
  }

  private void fio(Path fio, Path disk) throws Exception {
    for (String workload : WORKLOADS) {
      for (int depth : DEPTHS) {
        add(
            "fio io_uring",
            Commands.run(
                fio.toString(),
                "--name=" + workload,
                "--filename=" + disk,
                "--direct=1",
                "--ioengine=io_uring",
                "--thread",
                "--bs=4k",
                "--rw=" + workload,
                "--iodepth=" + depth,
                "--time_based",
                "--runtime=" + RUNTIME,
                "--ramp_time=" + RAMP,
                "--output-format=json"));
      }
    }
  }

  /** Adds the jobs of a report, fio's or ours: its names are the same. */
  private void add(String contender, String output) throws IOException {
    JsonNode report = mapper.readTree(output.substring(output.indexOf('{')));
    for (JsonNode job : report.path("jobs")) {
      String workload = job.path("jobname").asText();
      JsonNode side = job.path(workload.equals("randread") ? "read" : "write");
      JsonNode options = job.path("job options");
      String what =
          "%s, depth %2d, %s".formatted(workload, options.path("iodepth").asInt(), contender);
      results
          .computeIfAbsent(what, key -> new ArrayList<>())
          .add(
              new Result(
                  side.path("iops").asDouble(),
                  side.at("/clat_ns/percentile/50.000000").asDouble() / 1e3));
    }
  }
}
