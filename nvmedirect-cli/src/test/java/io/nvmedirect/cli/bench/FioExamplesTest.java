package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.TestAbortedException;

/** fio's own examples: which of them are jobs here, and why the others are not. */
final class FioExamplesTest {

  private static final String VARIABLE = "NVMEDIRECT_FIO_EXAMPLES";

  /** The number of jobs. */
  private static final Map<String, Integer> FITS = new HashMap<>();

  /** The option that they are refused for. */
  private static final Map<String, String> REFUSED = new HashMap<>();

  static {
    """
    1mbs_clients 32
    aio-read 4
    basic-verify 1
    dedupe-global 2
    exitwhat 5
    fio-rand-RW 1
    fio-rand-read 1
    fio-rand-write 1
    fio-seq-RW 1
    fio-seq-read 1
    fio-seq-write 1
    fixed-rate-submission 1
    fsx 1
    iometer-file-access-server 1
    jesd219 1
    null 1
    numa 2
    poisson-rate-submission 1
    rand-zones 1
    ssd-steadystate 2
    ssd-test 4
    tiobench-example 4
    uring-cmd-ng 3
    waitfor 4
    xnvme-compare 2
    zipf 1
    """
        .lines()
        .map(line -> line.split(" "))
        .forEach(line -> FITS.put(line[0], Integer.valueOf(line[1])));
    """
    backwards-read rw=read:-8k
    butterfly flow=2
    cmdprio-bssplit cmdprio_bssplit=
    cmdprio-percentage cmdprio_percentage=20
    cpp_null ioengine=cpp_null
    cpuio ioengine=cpuio
    cross-stripe-verify rw=write:112k
    dev-dax ioengine=dev-dax
    dfs ioengine=dfs
    disk-zone-profile zonemode=strided
    e4defrag ioengine=e4defrag
    e4defrag2 ioengine=e4defrag
    enospc-pressure rw=randtrim
    exec ioengine=exec
    falloc ioengine=falloc
    filecreate-ioengine ioengine=filecreate
    filedelete-ioengine ioengine=filedelete
    filestat-ioengine ioengine=filestat
    flow flow=1
    ftruncate ioengine=ftruncate
    gfapi ioengine=gfapi
    gpudirect-rdmaio-client ioengine=rdma
    gpudirect-rdmaio-server ioengine=rdma
    http-s3 ioengine=http
    http-s3-crypto ioengine=http
    http-s3-storage-class ioengine=http
    http-swift ioengine=http
    http-webdav ioengine=http
    ime ioengine=ime_psync
    latency-profile latency_target=500000
    libcufile-cufile ioengine=libcufile
    libcufile-posix ioengine=libcufile
    libhdfs ioengine=libhdfs
    libiscsi ioengine=libiscsi
    libpmem ioengine=libpmem
    librpma_apm-client ioengine=librpma_apm_client
    librpma_apm-server ioengine=librpma_apm_server
    librpma_gpspm-client ioengine=librpma_gpspm_client
    librpma_gpspm-server ioengine=librpma_gpspm_server
    libzbc-rand-write zonemode=zbd
    libzbc-seq-read zonemode=zbd
    mtd ioengine=mtd
    nbd ioengine=nbd
    netio ioengine=net
    netio_multicast ioengine=net
    nfs ioengine=nfs
    pmemblk ioengine=pmemblk
    rados ioengine=rados
    rbd ioengine=rbd
    rdmaio-client ioengine=rdma
    rdmaio-server ioengine=rdma
    sg_verify ioengine=sg
    sg_verify-fail ioengine=sg
    sg_write_same_ndob ioengine=sg
    steadystate ss=iops:10%
    surface-scan verify=meta
    uring-cmd-zoned zonemode=zbd
    xnvme-zoned zonemode=zbd
    zbd-rand-write zonemode=zbd
    zbd-seq-read zonemode=zbd
    """
        .lines()
        .map(line -> line.split(" "))
        .forEach(line -> REFUSED.put(line[0], line[1]));
  }

  /** A region for the largest blocks, and little of it; the time ends those of a low rate. */
  private static final Map<String, String> SHORT =
      Map.of(
          "filename", "mem:64MiB",
          "size", "32m",
          "offset", "0",
          "io_size", "64k",
          "runtime", "2s",
          "time_based", "0",
          "ramp_time", "0",
          "startdelay", "0");

  private static List<Path> examples() throws IOException {
    String directory = System.getenv(VARIABLE);
    assumeTrue(
        directory != null, VARIABLE + " is not set; ./verify sets it to Debian's fio-examples");
    try (Stream<Path> files = Files.list(Path.of(directory))) {
      List<Path> examples =
          files.filter(file -> file.toString().endsWith(".fio")).sorted().toList();
      assertThat(examples).isNotEmpty();
      return examples;
    }
  }

  private static String name(Path example) {
    return example.getFileName().toString().replaceFirst("\\.fio$", "");
  }

  @TestFactory
  List<DynamicTest> read_fitsOrIsRefused() throws IOException {
    return examples().stream()
        .map(example -> DynamicTest.dynamicTest(name(example), () -> check(example)))
        .toList();
  }

  /** On memory and for a moment, else as they are. */
  @TestFactory
  List<DynamicTest> run_fits_doesIo() throws IOException {
    return examples().stream()
        .filter(example -> FITS.containsKey(name(example)))
        .map(example -> DynamicTest.dynamicTest(name(example), () -> run(example)))
        .toList();
  }

  private static void run(Path example) throws IOException {
    List<Job> jobs = read(example, SHORT).jobs();
    try (NvmeDevice device = NvmeDevice.open("mem:64MiB?mode=thread")) {
      Run run =
          new Run(
              (address, writes) -> device,
              () -> false,
              (names, elapsedNs, totalNs, operations, measuredNs) -> {});
      List<Result> results = run.run(jobs);
      assertThat(results.stream().mapToInt(Result::workers).sum())
          .isEqualTo(jobs.stream().mapToInt(Job::workers).sum());
      assertThat(results.stream().mapToLong(Result::operations).sum()).isPositive();
    }
  }

  private static void check(Path example) throws IOException {
    String name = name(example);
    Integer jobs = FITS.get(name);
    String refusal = REFUSED.get(name);
    if (jobs != null) {
      assertThat(read(example).jobs()).hasSize(jobs);
    } else if (refusal != null) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> read(example))
          .withMessageMatching(
              "(?s)"
                  + Pattern.quote(example.toString())
                  + ":\\d+: \\[.*\\] "
                  + Pattern.quote(refusal)
                  + ".*");
    } else {
      throw new TestAbortedException("an example that this test does not know");
    }
  }

  /** Only xnvme-compare does something with its variables. */
  private static JobFile read(Path example) throws IOException {
    return read(example, Map.of());
  }

  private static JobFile read(Path example, Map<String, String> overrides) throws IOException {
    Map<String, String> environment =
        Map.of("FIO_RW", "randwrite", "FIO_IODEPTH", "8", "FIO_BS", "16k");
    return JobFile.read(example, overrides, variable -> environment.getOrDefault(variable, "x"));
  }
}
