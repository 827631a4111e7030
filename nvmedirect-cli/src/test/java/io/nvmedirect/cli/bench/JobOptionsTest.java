package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class JobOptionsTest {

  @TempDir Path directory;

  /** Options of lines such as {@code rw=randread}, on memory unless they say otherwise. */
  private static JobOptions options(String... lines) {
    JobOptions options = new JobOptions();
    options.set("filename", "mem:1GiB");
    for (String line : lines) {
      String[] parts = line.split("=", 2);
      options.set(parts[0], parts.length == 1 ? "" : parts[1]);
    }
    return options;
  }

  private static Job job(String... lines) {
    return options(lines).build();
  }

  @Test
  void build_defaultsOfFio() {
    assertThat(job())
        .isEqualTo(
            new Job(
                "read",
                new Job.Target(Engine.NVMED, "mem:1GiB", false),
                new Job.Pattern(
                    Workload.READ,
                    100,
                    BlockSizes.of(4096),
                    new Distribution.Uniform(),
                    0,
                    0,
                    false,
                    0x89),
                1,
                1,
                new Job.Span(Duration.ZERO, null, false, 0),
                new Job.Pace(0, false, 0, 1, 0),
                0,
                Job.Verification.NONE,
                new Job.Grouping(false, false, false, Duration.ZERO)));
  }

  @ParameterizedTest
  @CsvSource({
    "read, READ",
    "write, WRITE",
    "rw, RW",
    "readwrite, RW",
    "randread, RANDREAD",
    "randwrite, RANDWRITE",
    "randrw, RANDRW"
  })
  void rw_workload(String value, Workload expected) {
    assertThat(job("rw=" + value).pattern().workload()).isEqualTo(expected);
    assertThat(job("readwrite=" + value).pattern().workload()).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"4k, 4096", "4K, 4096", "512, 512", "1m, 1048576", "0x1000, 4096"})
  void bs_size(String value, int expected) {
    assertThat(job("bs=" + value).pattern().blocks()).isEqualTo(BlockSizes.of(expected));
    assertThat(job("blocksize=" + value).pattern().blocks()).isEqualTo(BlockSizes.of(expected));
  }

  @Test
  void bs_eachDirectionHasItsOwn() {
    assertThat(job("bs=8k,8k", "rw=rw").pattern().blocks()).isEqualTo(BlockSizes.of(8192));
    assertThat(job("bs=4k,8k", "rw=read").pattern().blocks()).isEqualTo(BlockSizes.of(4096));
    assertThat(job("bs=4k,8k", "rw=write").pattern().blocks()).isEqualTo(BlockSizes.of(8192));
    assertThat(job("bs=,8k", "rw=read").pattern().blocks()).isEqualTo(BlockSizes.of(4096));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("bs=4k,8k", "rw=rw"))
        .withMessage("bs=4k,8k: reads and writes of one job have the same sizes here");
  }

  @Test
  void bs_lastOfTheThreeKeysCounts() {
    assertThat(job("bs=8k", "bsrange=1k-4k").pattern().blocks())
        .isEqualTo(BlockSizes.range(1024, 4096));
    assertThat(job("bssplit=4k/50:8k/50", "bs=16k").pattern().blocks())
        .isEqualTo(BlockSizes.of(16384));
  }

  @Test
  void bsrange_oneSizeIsThatSize() {
    assertThat(job("bsrange=4k-4k").pattern().blocks()).isEqualTo(BlockSizes.of(4096));
    assertThat(job("blocksize_range=64k-4k").pattern().blocks())
        .isEqualTo(BlockSizes.range(4096, 65536));
  }

  @Test
  void bssplit_ascendingWithRemainderShared() {
    assertThat(job("bssplit=4k/50:1k/:32k/").pattern().blocks())
        .isEqualTo(new BlockSizes(List.of(1024, 4096, 32768), List.of(25, 50, 25)));
    assertThat(job("bssplit=8k:4k:1k").pattern().blocks())
        .isEqualTo(new BlockSizes(List.of(1024, 4096, 8192), List.of(33, 33, 34)));
    assertThat(job("bssplit=8k/10:4k/80:8k/10").pattern().blocks())
        .isEqualTo(new BlockSizes(List.of(4096, 8192), List.of(80, 20)));
  }

  @Test
  void depthAndWorkers() {
    Job job = job("iodepth=32", "numjobs=4");
    assertThat(job.depth()).isEqualTo(32);
    assertThat(job.workers()).isEqualTo(4);
  }

  @Test
  void region_offsetAndSize() {
    Job.Pattern pattern = job("size=1g", "offset=64m").pattern();
    assertThat(pattern.size()).isEqualTo(1L << 30);
    assertThat(pattern.offset()).isEqualTo(64L << 20);
    assertThat(job("size=100%").pattern().size()).isZero();
    assertThat(job("filesize=1m").pattern().size()).isEqualTo(1 << 20);
    assertThat(job("filesize=1m", "size=2m").pattern().size()).isEqualTo(2 << 20);
  }

  @Test
  void span_bytes() {
    assertThat(job("size=1m").span().bytes()).isZero();
    assertThat(job("size=1m", "io_size=4m").span().bytes()).isEqualTo(4 << 20);
    assertThat(job("size=1m", "io_limit=4m").span().bytes()).isEqualTo(4 << 20);
    assertThat(job("size=1m", "loops=3").span().bytes()).isEqualTo(3 << 20);
    assertThat(job("number_ios=10").span().bytes()).isEqualTo(40960);
    assertThat(job("number_ios=10", "size=8k").span().bytes()).isEqualTo(8192);
  }

  @ParameterizedTest
  @CsvSource({"5, 5000", "5s, 5000", "500ms, 500", "2m, 120000", "1h, 3600000", "1d, 86400000"})
  void span_times(String value, long ms) {
    assertThat(job("runtime=" + value).span().runtime()).isEqualTo(Duration.ofMillis(ms));
    assertThat(job("timeout=" + value).span().runtime()).isEqualTo(Duration.ofMillis(ms));
    assertThat(job("ramp_time=" + value).span().ramp()).isEqualTo(Duration.ofMillis(ms));
    assertThat(job("startdelay=" + value).grouping().startDelay()).isEqualTo(Duration.ofMillis(ms));
  }

  @Test
  void timeBased_needsRuntime() {
    assertThat(job("time_based", "runtime=5").span().timeBased()).isTrue();
    assertThat(job("time_based=0", "runtime=5").span().timeBased()).isFalse();
    JobOptions options = options("time_based");
    assertThat(options.build().span().timeBased()).isFalse();
    assertThat(options.ignored()).containsExactly("time_based: no effect without runtime");
  }

  @ParameterizedTest
  @CsvSource({"100, 100000", "100us, 100000", "2ms, 2000000", "1s, 1000000000"})
  void thinktime_bareIsMicroseconds(String value, long ns) {
    Job.Pace pace = job("thinktime=" + value, "thinktime_blocks=8").pace();
    assertThat(pace.thinkNs()).isEqualTo(ns);
    assertThat(pace.thinkBlocks()).isEqualTo(8);
  }

  @Test
  void rate_ofOneDirection() {
    assertThat(job("rate_iops=1000").pace().iops()).isEqualTo(1000);
    assertThat(job("rate_iops=1000,500", "rw=write").pace().iops()).isEqualTo(500);
    assertThat(job("rate_iops=10k").pace().iops()).isEqualTo(10240);
    assertThat(job("rate=1m", "bs=4k").pace().iops()).isEqualTo(256);
    assertThat(job("rate=1m", "rate_iops=7").pace().iops()).isEqualTo(7);
  }

  @Test
  void rate_ofBothDirectionsIsEachOnesAsWithFio() {
    JobOptions options = options("rw=randrw", "rwmixread=80", "rate_iops=100");
    Job job = options.build();
    assertThat(job.pace().iops()).isEqualTo(200);
    assertThat(job.pattern().readPercent()).isEqualTo(50);
    assertThat(options.ignored()).containsExactly("rwmixread=80: the rates make it 50");
    assertThat(job("rw=randrw", "rate_iops=300,100").pattern().readPercent()).isEqualTo(75);
  }

  @Test
  void rateProcess() {
    assertThat(job("rate_iops=1", "rate_process=poisson").pace().poisson()).isTrue();
    assertThat(job("rate_iops=1", "rate_process=linear").pace().poisson()).isFalse();
  }

  @Test
  void mix_lastCounts() {
    assertThat(job("rw=rw").pattern().readPercent()).isEqualTo(50);
    assertThat(job("rw=rw", "rwmixread=70").pattern().readPercent()).isEqualTo(70);
    assertThat(job("rw=rw", "rwmixread=70", "rwmixwrite=10").pattern().readPercent()).isEqualTo(90);
    assertThat(job("rw=write", "rwmixread=70").pattern().readPercent()).isZero();
  }

  @Test
  void fsync() {
    assertThat(job("fsync=16").fsyncEvery()).isEqualTo(16);
    assertThat(job("fdatasync=8").fsyncEvery()).isEqualTo(8);
  }

  @Test
  void distribution() {
    assertThat(job("random_distribution=random").pattern().distribution())
        .isEqualTo(new Distribution.Uniform());
    assertThat(job("random_distribution=zipf:0.9").pattern().distribution())
        .isEqualTo(new Distribution.Zipf(0.9));
    assertThat(job("random_distribution=normal:20").pattern().distribution())
        .isEqualTo(new Distribution.Normal(20));
    assertThat(job("random_distribution=zoned:50/5:30/15:20/").pattern().distribution())
        .isEqualTo(
            new Distribution.Zoned(
                List.of(
                    new Distribution.Zone(50, 5),
                    new Distribution.Zone(30, 15),
                    new Distribution.Zone(20, 80))));
  }

  @Test
  void randomMap_uniformWithoutNorandommapOnly() {
    assertThat(job("rw=randread").pattern().repeats()).isFalse();
    assertThat(job("rw=randread", "norandommap").pattern().repeats()).isTrue();
    assertThat(job("rw=randread", "random_distribution=zipf:1.2").pattern().repeats()).isTrue();
  }

  @Test
  void seed_sameUnlessRandrepeatIsOff() {
    assertThat(job("randseed=7").pattern().seed()).isEqualTo(7);
    assertThat(job("randseed=7", "randrepeat=0").pattern().seed()).isEqualTo(7);
    assertThat(job().pattern().seed()).isEqualTo(job().pattern().seed());
    assertThat(job("randrepeat=0").pattern().seed())
        .isNotEqualTo(job("allrandrepeat=0").pattern().seed());
  }

  @ParameterizedTest
  @CsvSource({
    "read, crc32c, 1, CRC32C",
    "read, crc32c, 0, CRC32C",
    "write, crc32c, 1, CRC32C_AFTER_WRITES",
    "randrw, crc32c-intel, 1, CRC32C_AFTER_WRITES",
    "write, crc32c, 0, CRC32C",
    "write, 0, 1, NONE"
  })
  void verify_dependsOnWorkload(String rw, String verify, String after, Job.Verification expected) {
    JobOptions options = options("rw=" + rw, "verify=" + verify, "do_verify=" + after);
    assertThat(options.build().verification()).isEqualTo(expected);
    assertThat(options.ignored()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"md5", "crc32", "crc64", "sha256", "sha3-512", "xxhash"})
  void verify_otherChecksumIsCrc32c(String method) {
    JobOptions options = options("verify=" + method);
    assertThat(options.build().verification()).isEqualTo(Job.Verification.CRC32C);
    assertThat(options.ignored())
        .containsExactly("verify=" + method + ": data is checked by CRC-32C");
  }

  @Test
  void grouping() {
    assertThat(job("group_reporting", "new_group", "startdelay=4").grouping())
        .isEqualTo(new Job.Grouping(false, true, true, Duration.ofSeconds(4)));
    // With fio, too, a wall begins a group of results.
    assertThat(job("stonewall").grouping())
        .isEqualTo(new Job.Grouping(true, true, false, Duration.ZERO));
    assertThat(job("wait_for_previous=1").grouping().stonewall()).isTrue();
    assertThat(job("stonewall=0").grouping().stonewall()).isFalse();
    JobOptions waits = options("wait_for=writers");
    assertThat(waits.build().grouping().stonewall()).isTrue();
    assertThat(waits.ignored())
        .containsExactly("wait_for=writers: the job waits for all jobs before it");
  }

  @ParameterizedTest
  @CsvSource({
    "direct=1, true",
    "direct, true",
    "direct=0, false",
    "buffered=0, true",
    "buffered=1, false"
  })
  void direct(String option, boolean expected) {
    assertThat(job(option).target().direct()).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"libaio", "io_uring", "io_uring_cmd", "posixaio"})
  void ioengine_asynchronousStandsForNvmed(String engine) {
    JobOptions options = options("ioengine=" + engine, "iodepth=8");
    assertThat(options.build().target().engine()).isEqualTo(Engine.NVMED);
    assertThat(options.build().depth()).isEqualTo(8);
    assertThat(options.ignored()).containsExactly("ioengine=" + engine + ": the I/O is nvmed's");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sync", "psync", "vsync", "pvsync", "pvsync2"})
  void ioengine_synchronousHasOneInFlight(String engine) {
    JobOptions options = options("ioengine=" + engine, "iodepth=8");
    assertThat(options.build().depth()).isEqualTo(1);
    assertThat(options.ignored())
        .containsExactly(
            "ioengine=" + engine + ": the I/O is nvmed's",
            "iodepth=8: 1, for fio's engine is synchronous");
  }

  @ParameterizedTest
  @CsvSource({
    "nvmed, NVMED",
    "filechannel, FILECHANNEL",
    "asyncfilechannel, ASYNCFILECHANNEL",
    "mmap, MMAP",
    "iouring, IOURING"
  })
  void ioengine_own(String engine, Engine expected) {
    JobOptions options = options("ioengine=" + engine, "filename=/dev/nvme0n1", "iodepth=8");
    assertThat(options.build().target()).isEqualTo(new Job.Target(expected, "/dev/nvme0n1", false));
    assertThat(options.build().depth()).isEqualTo(8);
    assertThat(options.ignored()).isEmpty();
  }

  @Test
  void ioengine_nullIsControllerWithoutData() {
    JobOptions options = options("ioengine=null", "filename=", "size=10000");
    assertThat(options.build().target().address()).isEqualTo("mem:12288?model=null");
    assertThat(options.ignored())
        .containsExactly("ioengine=null: an embedded controller with model=null");
    assertThat(job("ioengine=null").target().address()).isEqualTo("mem:1GiB");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1GiB?lba=4096",
        "file:/x?size=1g",
        "pci:0000:01:00.0",
        "01:00.0",
        "tcp://host/x",
        "/dev/nvme0n1",
        "/dev/XXX",
        "/dev/sda"
      })
  void filename_addressOrDeviceStays(String address) {
    assertThat(job("filename=" + address, "directory=/data", "size=1m").target().address())
        .isEqualTo(address);
  }

  @Test
  void filename_pathIsFileThatIsCreated() {
    assertThat(
            job("filename=" + directory.resolve("a&b"), "size=1m", "offset=1m").target().address())
        .isEqualTo("file:" + directory.resolve("a&b") + "?size=2097152");
    assertThat(job("filename=x", "directory=" + directory, "size=5000").target().address())
        .isEqualTo("file:" + directory.resolve("x") + "?size=8192");
    assertThat(job("filename=a\\:b", "directory=" + directory, "size=4k").target().address())
        .isEqualTo("file:" + directory.resolve("a:b") + "?size=4096");
  }

  @Test
  void filename_existingFileKeepsItsSize() throws Exception {
    Path file = Files.write(directory.resolve("disk"), new byte[8192]);
    assertThat(job("filename=" + file).target().address()).isEqualTo("file:" + file);
    assertThat(job("filename=" + file, "size=4k").target().address()).isEqualTo("file:" + file);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("filename=" + file, "size=12k"))
        .withMessage(
            "filename=%s: the file has 8192 bytes and the jobs need 12288; remove it, or give a"
                + " smaller size",
            file);
  }

  @Test
  void filename_missingIsNameOfJob() {
    JobOptions options =
        options("name=a/b", "filename=", "directory=" + directory, "size=4k", "numjobs=2");
    assertThat(options.build().target().address())
        .isEqualTo("file:" + directory.resolve("a.b.0.0") + "?size=4096");
    assertThat(options.ignored())
        .containsExactly("filename: one file for all workers, " + directory.resolve("a.b.0.0"));
  }

  @Test
  void filename_pathOfOtherEngines() {
    assertThat(job("ioengine=mmap", "filename=x?y", "directory=/d").target().address())
        .isEqualTo("/d/x?y");
    assertThat(job("ioengine=mmap", "filename=file:/d/x?size=1g").target().address())
        .isEqualTo("/d/x");
  }

  @Test
  void ignored_eachKeyOnceInOrder() {
    JobOptions options =
        options(
            "thread",
            "invalidate=1",
            "frob=2",
            "thread=1",
            "write_bw_log=x",
            "mem=mmap",
            "zonemode=none");
    assertThat(options.ignored())
        .containsExactly(
            "thread=1",
            "invalidate=1",
            "frob=2: no key of fio's that is known here",
            "write_bw_log=x",
            "mem=mmap",
            "zonemode=none");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "rw=randtrim | rw=randtrim: read, write, rw, randread",
        "rw=trimwrite | rw=trimwrite: read, write",
        "rw=read:-8k | rw=read:-8k: read, write, rw, randread, randwrite or randrw; no trims, and"
            + " no offsets",
        "bs=0 | bs=0: 1 byte to 1g",
        "bs=x | bs=x: 'x' is no size",
        "bsrange=4k | bsrange=4k: a range such as 4k-64k",
        "bsrange=4k-6k | bsrange=4k-6k: the larger size is a multiple",
        "bssplit=4k/50:8k/60 | bssplit=4k/50:8k/60: the percentages are 110 together",
        "bssplit=4k/50:8k/20 | bssplit=4k/50:8k/20: the percentages are 70 together",
        "bssplit=4k/x | bssplit=4k/x: percentages are 0 to 100",
        "iodepth=0 | iodepth=0: 1 to 65536",
        "iodepth=x | iodepth=x: 1 to 65536",
        "numjobs=0 | numjobs=0: 1 to 1024",
        "size=50% | size=50%: bytes such as 4096, 4k, 1g; percent only as 100%",
        "size=-1 | size=-1: bytes",
        "size=1k | size=1k: a block is larger: 4096 bytes",
        "runtime=x | runtime=x: a number with us, ms, s, m, h or d; without one it is s",
        "time_based=2 | time_based=2: 0 or 1",
        "rwmixread=120 | rwmixread=120: 0 to 100",
        "rwmixwrite=120 | rwmixwrite=120: 0 to 100",
        "random_distribution=pareto:0.9 | random_distribution=pareto:0.9: random, zipf:1.2,"
            + " normal:20",
        "random_distribution=zipf:0 | random_distribution=zipf:0: the number is more than 0",
        "random_distribution=normal:101 | random_distribution=normal:101: the deviation is at most"
            + " 100",
        "random_distribution=zoned:50/50 | random_distribution=zoned:50/50: the percentages are 50",
        "random_distribution=zoned:60/50:40/50,50/50:50/50 |"
            + " random_distribution=zoned:60/50:40/50,50/50:50/50: reads and writes have the same"
            + " zones",
        "random_distribution=zoned_abs:50/1g:50/2g | random_distribution=zoned_abs",
        "randseed=x | randseed=x: a whole number",
        "rate_iops=x | rate_iops=x: a number for each second",
        "rate_process=burst | rate_process=burst: linear or poisson",
        "verify=meta | verify=meta: crc32c, or 0 for none",
        "verify=pattern | verify=pattern: crc32c, or 0 for none",
        "verify=null | verify=null: crc32c, or 0 for none",
        "ioengine=cpuio | ioengine=cpuio: nvmed, filechannel",
        "ioengine=net | ioengine=net: nvmed, filechannel",
        "ioengine=rdma | ioengine=rdma: nvmed, filechannel",
        "ioengine=sg | ioengine=sg: nvmed, filechannel",
        "zonemode=zbd | zonemode=zbd: zones of zoned devices",
        "flow=2 | flow=2: jobs do not wait",
        "latency_target=500 | latency_target=500: the depth is fixed",
        "ss=iops:10% | ss=iops:10%: the length is fixed",
        "cmdprio_percentage=20 | cmdprio_percentage=20: commands have no priorities",
        "sync=1 | sync=1: no O_SYNC",
        "verify_only | verify_only: a job that only checks",
        "offset_increment=1g | offset_increment=1g: the workers of a job share",
        "kb_base=1000 | kb_base=1000: sizes are powers of 1024",
        "filename=/a:/b | filename=/a:/b: one file or device",
        "filename=/a?b | filename=/a?b: a ? begins the options",
        "filename=/no/such/file | filename=/no/such/file: there is no such file; give a size",
      })
  void refused_withKeyValueAndWhatIsRight(String option, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job(option))
        .withMessageStartingWith(message);
  }

  @Test
  void refused_together() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("ioengine=mmap", "filename=mem:1GiB"))
        .withMessage(
            "filename=mem:1GiB: ioengine=mmap needs the path of a file or of a block device");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("ioengine=null", "filename="))
        .withMessage("ioengine=null: needs a size, or a filename that is an address");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("rw=rw", "rate_iops=100,0"))
        .withMessage("rate_iops=100,0: reads and writes are both limited, or none of them");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("rate=1m", "bsrange=4k-8k"))
        .withMessage("rate=1m: needs blocks of one size; give rate_iops");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("number_ios=7", "bsrange=4k-8k"))
        .withMessage("number_ios=7: needs blocks of one size; give io_size");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("loops=7"))
        .withMessage("loops=7: needs a size");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("offset=7e", "size=" + Long.MAX_VALUE))
        .withMessageStartingWith("offset=7e: bytes");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> job("offset=1g", "size=" + Long.MAX_VALUE))
        .withMessageEndingWith("offset and size are below 8 EiB together");
  }
}
