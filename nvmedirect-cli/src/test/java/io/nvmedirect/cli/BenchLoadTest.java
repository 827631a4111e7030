package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loads of {@code bench}: checked data, sweeps, job files, engines and the comparison. */
@Timeout(300)
final class BenchLoadTest {

  private static final int BLOCK = 4096;

  @TempDir Path directory;

  private static Cli.Result bench(String line) {
    return Cli.run(("bench " + line).split(" "));
  }

  private static Cli.Result done(String line) {
    Cli.Result result = bench(line);
    assertThat(result.status()).as(line + ": " + result).isZero();
    assertThat(result.err()).isEmpty();
    return result;
  }

  private static void assertFails(int status, String line, String... parts) {
    Cli.Result result = bench(line);
    assertThat(result.status()).as(line + ": " + result).isEqualTo(status);
    assertThat(result.err())
        .startsWith("nvmed: ")
        .contains(parts)
        .doesNotContain("\tat ", "unexpected error");
  }

  // ---- Checked data.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1MiB",
        "mem:1MiB --queues 2",
        "file:DIR/v.img?size=1MiB",
        "DIR/v.img --size 1m --engine filechannel --iodepth 4",
        "DIR/v.img --size 1m --engine mmap --iodepth 4",
        "DIR/v.img --size 1m --engine asyncfilechannel --iodepth 4 --direct"
      })
  void verify_afterTheWrites_countsRightBlocks(String address) {
    String line =
        address.replace("DIR", directory.toString())
            + " --rw randwrite --verify crc32c --io-size 512k";
    int workers = address.contains("--queues") ? 2 : 1;
    assertThat(done(line).out()).contains("Verify  %d blocks are right".formatted(128 * workers));
  }

  private Path written() {
    Path image = directory.resolve("checked.img");
    done("file:%s?size=1MiB --rw write --verify crc32c --io-size 1m".formatted(image));
    assertThat(done(reading(image)).out()).contains("Verify  256 blocks are right");
    return image;
  }

  private static String reading(Path image) {
    return "file:%s --rw read --verify crc32c --io-size 1m".formatted(image);
  }

  private static byte[] block(FileChannel channel, int number) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(BLOCK);
    channel.read(bytes, (long) number * BLOCK);
    return bytes.array();
  }

  private static void put(FileChannel channel, int number, byte[] bytes) throws IOException {
    channel.write(ByteBuffer.wrap(bytes), (long) number * BLOCK);
  }

  @ParameterizedTest
  @ValueSource(strings = {"data", "header", "swapped", "zero"})
  void verify_corruptBlock_isFoundWithItsPosition(String how) throws IOException {
    Path image = written();
    try (FileChannel channel =
        FileChannel.open(image, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      byte[] seventh = block(channel, 7);
      switch (how) {
        case "data" -> seventh[1234] ^= 1;
        case "header" -> seventh[17] ^= 1;
        case "swapped" -> {
          byte[] other = block(channel, 200);
          put(channel, 200, seventh);
          seventh = other;
        }
        default -> Arrays.fill(seventh, (byte) 0);
      }
      put(channel, 7, seventh);
    }
    assertFails(1, reading(image), "verify: ", "block of 4096 bytes at position 28672 is wrong");
  }

  @Test
  void verify_neverWritten_isFound() throws IOException {
    Path image = Files.write(directory.resolve("zero.img"), new byte[1 << 20]);
    assertFails(1, reading(image), "position 0 is wrong", "no header");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--bs 16", "--bssplit 4k/50:6k/50"})
  void verify_blocksWithoutRoomForHeaders_areRefused(String sizes) {
    assertFails(
        2,
        "%s/x.img --size 1m --engine filechannel --rw write --verify crc32c %s"
            .formatted(directory, sizes),
        "--verify=crc32c");
  }

  // ---- Options.

  @Test
  void iodepth_several_aRowForEach() {
    Cli.Result result = done("mem:1MiB --rw randread --iodepth 1,2,5 --io-size 1m");
    List<String> rows = result.out().lines().filter(l -> l.matches("randread .* read *")).toList();
    assertThat(rows).hasSize(3);
    assertThat(rows.stream().map(row -> row.split(" +", -1)[9])).containsExactly("1", "2", "5");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--rw trim",
        "--rwmixread 101",
        "--bs x",
        "--bs 0",
        "--bs 4k-5k",
        "--bssplit 4k/50:8k/60",
        "--iodepth 0",
        "--iodepth 4,x",
        "--queues 0",
        "--numjobs 2000",
        "--runtime soon",
        "--runtime 0",
        "--ramp-time -1",
        "--size 50%",
        "--offset x",
        "--io-size x",
        "--rate-iops fast",
        "--rate-process even",
        "--fsync -1",
        "--verify crc99",
        "--random-distribution zipf:0",
        "--thinktime x",
        "--engine spdk"
      })
  void option_badValue_exits2AndNamesIt(String option) {
    String[] parts = option.split(" ", -1);
    String value = parts[1].contains(",") ? "x" : parts[1];
    for (String address : List.of("mem:1MiB ", "--compare " + directory + " ")) {
      Cli.Result result = bench(address + option);
      assertThat(result.status()).as(option + ": " + result).isEqualTo(2);
      assertThat(result.err().lines().findFirst().orElse(""))
          .startsWith("nvmed: --")
          .contains(value);
      String name = result.err().replaceAll("(?s)^nvmed: --([a-z_]+).*", "$1");
      assertThat(name)
          .isEqualTo(
              switch (parts[0]) {
                case "--queues" -> "numjobs";
                case "--engine" -> "ioengine";
                default -> parts[0].substring(2).replace('-', '_');
              });
    }
  }

  /** What does something else than it says is said, in a report for people and beside JSON. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--rw randrw --rwmixread 70 --rate-iops 1000|rwmixread=70: the rates make it 50",
        "--rw randread --engine psync --iodepth 16|iodepth=16: 1, for fio's engine is synchronous",
        "--rw randread --engine libaio|ioengine=libaio: the I/O is nvmed's"
      })
  void option_withAnotherEffect_isNamed(String line) throws IOException {
    String options = "mem:1MiB --runtime 50ms --ramp-time 1ms " + line.split("\\|", 2)[0];
    String note = "Note    " + line.split("\\|", 2)[1];
    assertThat(done(options).out().lines()).containsOnlyOnce(note);
    Cli.Result json = bench(options + " --json -");
    assertThat(json.err().lines()).containsOnlyOnce(note);
    assertThat(new ObjectMapper().readTree(json.out()).get("jobs")).hasSize(1);
  }

  @Test
  void size_smallerThanABlock_exits2() {
    assertFails(2, "mem:1MiB --size 1k", "--size=1k");
  }

  @Test
  void path_neitherAddressNorFile_exits2() {
    assertFails(2, directory + "/none", "none", "no such file");
  }

  @Test
  void path_directory_exits1() {
    assertFails(1, directory.toString(), directory.toString());
  }

  @Test
  void engine_onPath_measures() {
    Path file = directory.resolve("m.img");
    Cli.Result result =
        done(file + " --engine mmap --size 1m --rw randrw --iodepth 2 --io-size 1m");
    assertThat(result.out()).containsPattern("(?m)^randrw +[1-9].* read");
    assertThat(file).hasSize(1 << 20);
  }

  @Test
  void engine_missingOrUnusableFile_exits1() throws IOException {
    assertFails(1, directory + "/none --engine mmap", "none: no such file");
    Path small = Files.write(directory.resolve("small"), new byte[100]);
    assertFails(1, small + " --engine filechannel", "small is too small: it has 100 bytes");
    assertFails(1, directory + "/no/dir --engine mmap --size 1m", "no such file or directory");
    assertFails(1, directory + " --engine filechannel --rw randwrite", directory.toString());
  }

  /** Disks of a machine that is made of plain files; the first has a partition. */
  private Path disk(String mountinfo) throws IOException {
    new FakeMachine(directory)
        .file("sys/devices/sdb/dev", "8:16\n")
        .file("sys/devices/sdb/sdb1/dev", "8:17\n")
        .file("sys/devices/sdb/sdb1/partition", "1\n")
        .link("sys/class/block/sdb", "../../devices/sdb")
        .link("sys/class/block/sdb1", "../../devices/sdb/sdb1")
        .mountinfo(mountinfo);
    Files.write(directory.resolve("dev/sdb1"), new byte[1 << 20]);
    return Files.write(directory.resolve("dev/sdb"), new byte[1 << 20]);
  }

  private Cli.Result benchThere(String line) {
    return Cli.run(new byte[0], directory, ("bench " + line).split(" "));
  }

  @ParameterizedTest
  @ValueSource(strings = {"filechannel", "mmap", "asyncfilechannel", "iouring"})
  void blockDevice_mounted_isNotWrittenTo(String engine) throws IOException {
    Path disk = disk("30 22 8:17 / /data rw - ext4 /dev/sdb1 rw");
    Path link = Files.createSymbolicLink(directory.resolve("disk"), disk);
    for (Path path : List.of(disk, link, directory.resolve("dev/sdb1"))) {
      Cli.Result result =
          benchThere("%s --engine %s --rw randwrite --runtime 1h".formatted(path, engine));
      assertThat(result.status()).as(result.toString()).isEqualTo(1);
      assertThat(result.err())
          .isEqualTo(
              "nvmed: %s is in use: partition sdb1 is mounted at /data; nothing was written\n"
                  .formatted(path));
      assertThat(path).hasBinaryContent(new byte[1 << 20]);
    }
  }

  @Test
  void image_ofAnotherOne_isReadAndNotWrittenTo() throws IOException {
    Path image = Files.write(directory.resolve("disk.img"), new byte[1 << 20]);
    try (NvmeDevice _ = NvmeDevice.open("file:" + image)) {
      for (String load : List.of("file:" + image, image + " --engine filechannel")) {
        Cli.Result read = bench(load + " --rw randread --io-size 64k");
        assertThat(read.status()).as(read.toString()).isZero();
        Cli.Result written = bench(load + " --rw randwrite --io-size 64k");
        assertThat(written.status()).as(written.toString()).isEqualTo(1);
        assertThat(written.err()).contains("has locked " + image);
      }
      assertThat(image).hasBinaryContent(new byte[1 << 20]);
    }
  }

  /** One device for all of them: the first job alone would have opened it for reading only. */
  @Test
  void jobFile_readsAndThenWrites_byBothEngines() throws IOException {
    Path image = Files.write(directory.resolve("disk.img"), new byte[1 << 20]);
    Path link = Files.createSymbolicLink(directory.resolve("link"), image);
    String head = "[global]\nio_size=64k\nstonewall\n";
    String file = "filename=file:%s\nrw=".formatted(image);
    String path = "ioengine=filechannel\nfilename=%s\nrw=".formatted(link);
    for (String text :
        List.of(
            "[a]\n" + file + "read\n[b]\n" + file + "write\n[c]\n" + path + "write\n",
            "[a]\n" + path + "write\n[b]\n" + file + "read\n[c]\n" + file + "write\n")) {
      Files.write(image, new byte[1 << 20]);
      done(jobs(head + text).toString());
      assertThat(Files.readAllBytes(image)).isNotEqualTo(new byte[1 << 20]);
    }
  }

  @Test
  void blockDevice_mounted_isReadAndOneThatIsNotIsWritten() throws IOException {
    Path disk = disk("30 22 8:17 / /data rw - ext4 /dev/sdb1 rw");
    Cli.Result read =
        benchThere(disk + " --engine filechannel --rw randread --runtime 50ms --ramp-time 1ms");
    assertThat(read.status()).as(read.toString()).isZero();
    disk("30 22 8:1 / /data rw - ext4 /dev/sda1 rw");
    Cli.Result written = benchThere(disk + " --engine filechannel --rw randwrite --io-size 64k");
    assertThat(written.status()).as(written.toString()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"filechannel", "mmap", "asyncfilechannel"})
  void engine_moreThreadsThanThereCanBe_exits2(String engine) {
    assertFails(
        2,
        "%s/x.img --size 1m --engine %s --iodepth 60000 --queues 2".formatted(directory, engine),
        "--iodepth=60000: ioengine=" + engine,
        "at most 1024, with numjobs=2");
    assertThat(directory.resolve("x.img")).doesNotExist();
  }

  // ---- Job files.

  private Path jobs(String text) throws IOException {
    return Files.writeString(directory.resolve("load.fio"), text);
  }

  @Test
  void jobFile_optionsBesideItWin() throws IOException {
    Path file = jobs("[one]\nfilename=mem:16MiB\nrw=randread\nruntime=1h\ntime_based\n");
    Path json = directory.resolve("r.json");
    done("%s --runtime 100ms --size 8m --json %s".formatted(file, json));
    JsonNode jobs = new ObjectMapper().readTree(json.toFile()).get("jobs");
    assertThat(jobs).hasSize(1);
    assertThat(jobs.get(0).get("jobname").asText()).isEqualTo("one");
    assertThat(jobs.get(0).at("/job options/size").asText()).isEqualTo("8388608");
    assertThat(jobs.get(0).at("/job_runtime").asLong()).isLessThanOrEqualTo(100L);
  }

  @Test
  void jobFile_sweep_exits2() throws IOException {
    Path file = jobs("[one]\nfilename=mem:1MiB\n");
    assertFails(2, file + " --iodepth 1,2", "--iodepth=1,2");
    assertFails(2, file + " --rw read,write", "--rw=read,write");
  }

  @Test
  void jobFile_stonewallAndGroups() throws IOException {
    Path file =
        jobs(
            """
            [global]
            filename=mem:4MiB
            io_size=400k
            [a]
            rw=randread
            numjobs=2
            group_reporting
            [b]
            stonewall
            rw=write
            fsync=10
            """);
    Path json = directory.resolve("r.json");
    assertThat(done(file + " --json " + json).out())
        .containsPattern("(?m)^a +.* 2 +read")
        .containsPattern("(?m)^b +.* 1 +write")
        .containsPattern("(?m)^b +.* flush");
    JsonNode jobs = new ObjectMapper().readTree(json.toFile()).get("jobs");
    assertThat(jobs.findValuesAsText("jobname")).containsExactly("a", "b");
    assertThat(jobs.findValuesAsText("groupid")).containsExactly("0", "1");
    assertThat(jobs.get(0).at("/read/total_ios").asLong()).isEqualTo(200);
    assertThat(jobs.get(1).at("/write/total_ios").asLong()).isEqualTo(100);
    assertThat(jobs.get(1).at("/sync/total_ios").asLong()).isEqualTo(10);
  }

  @Test
  void jobFile_keyWithoutEffect_isNamedBesideJsonToo() throws IOException {
    Path file = jobs("[a]\nfilename=mem:1MiB\nio_size=64k\nnice=7\n");
    String note = file + ":4: [a] nice=7";
    assertThat(done(file.toString()).out().lines()).containsOnlyOnce(note);
    Cli.Result json = bench(file + " --json -");
    assertThat(json.err()).isEqualTo(note + "\n");
    assertThat(new ObjectMapper().readTree(json.out()).get("jobs")).hasSize(1);
  }

  @Test
  void jobFile_oneFileByTwoNames_isOneDevice() throws IOException {
    Path image = Files.write(directory.resolve("one.img"), new byte[1 << 20]);
    Path link = Files.createSymbolicLink(directory.resolve("other.img"), image);
    Path file =
        jobs(
            "[a]\nfilename=%s\nio_size=64k\n[b]\nfilename=%s\nio_size=64k\n"
                .formatted(image, link));
    assertThat(done(file.toString()).out())
        .containsPattern("(?m)^a +[1-9].* read")
        .containsPattern("(?m)^b +[1-9].* read");
  }

  @Test
  void jobFile_severalLoads_aLineForEach() throws IOException {
    Path file =
        jobs(
            """
            [global]
            filename=mem:1MiB
            [a]
            rw=read
            io_size=64k
            iodepth=2
            [b]
            rw=write
            bs=8k
            size=512k
            runtime=10
            [c]
            rw=randread
            io_size=64k
            iodepth=4
            """);
    assertThat(done(file.toString()).out())
        .contains(
            """
            Load    a, c: 4 KiB blocks, iodepth 2, 4, queues 1, 64 KiB each
                    b: 8 KiB blocks, iodepth 1, queues 1, the size of the region each, for 10 s at most
            """);
  }

  /** The first load has ended and the second one does I/O when the user wishes to end. */
  @Test
  void jobFile_stopped_showsWhatThereIs() throws Exception {
    Path data = Files.write(directory.resolve("data"), new byte[1 << 20]);
    Path json = directory.resolve("r.json");
    Path file =
        jobs(
            """
            [done]
            filename=mem:1MiB
            io_size=64k
            [begun]
            stonewall
            ioengine=filechannel
            filename=%s
            rw=write
            runtime=1h
            time_based
            [never]
            stonewall
            filename=mem:1MiB
            """
                .formatted(data));
    Stop stop = new Stop();
    StringWriter out = new StringWriter();
    CompletableFuture<Integer> status =
        execute(stop, out, "bench", file.toString(), "--json", json.toString());
    while (firstByte(data) == 0 && !status.isDone()) {
      Thread.onSpinWait();
    }
    assertThat(stop.request()).isTrue();
    // The process ends now.
    JsonNode jobs = new ObjectMapper().readTree(json.toFile()).get("jobs");
    assertThat(jobs.findValuesAsText("jobname")).containsExactly("done", "begun");
    assertThat(jobs.get(0).at("/read/total_ios").asLong()).isEqualTo(16);
    assertThat(jobs.get(1).at("/write/total_ios").asLong()).isPositive();
    assertThat(out.toString())
        .contains("Note    interrupted: this is what was measured until then")
        .containsPattern("(?m)^done +[1-9].* read")
        .containsPattern("(?m)^begun +[1-9].* write")
        .doesNotContainPattern("(?m)^never ");
    assertThat(status.get(120, TimeUnit.SECONDS)).isEqualTo(130);
  }

  private static byte firstByte(Path file) throws IOException {
    try (InputStream input = Files.newInputStream(file)) {
      return (byte) input.read();
    }
  }

  @Test
  void jobFile_wrong_exits1WithItsLine() throws IOException {
    assertFails(1, jobs("[a]\nfilename=mem:1MiB\nrw=trim\n").toString(), "load.fio:3", "rw=trim");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[a]\n", "\n  ; a comment\n[a]\n", "# a comment\n[a]\n", "\t[a]\n"})
  void jobFile_besideAnEngine_isReadAndNotOverwritten(String begin) throws IOException {
    Path data = Files.write(directory.resolve("data"), new byte[1 << 20]);
    Path file =
        Files.writeString(directory.resolve("jobs"), begin + "rw=write\nioengine=mmap\nsize=64k\n");
    String text = Files.readString(file);
    Path json = directory.resolve("r.json");
    done("%s --engine filechannel --size 128k --filename %s --json %s".formatted(file, data, json));
    assertThat(file).hasContent(text);
    JsonNode job = new ObjectMapper().readTree(json.toFile()).at("/jobs/0");
    assertThat(job.get("jobname").asText()).isEqualTo("a");
    assertThat(job.at("/job options/ioengine").asText()).isEqualTo("filechannel");
    assertThat(job.at("/write/io_bytes").asLong()).isEqualTo(128 << 10);
  }

  @Test
  void image_besideAnEngine_isMeasured() throws IOException {
    byte[] content = new byte[1 << 20];
    content[0] = '[';
    Path image = Files.write(directory.resolve("image"), content);
    assertThat(done(image + " --engine filechannel --rw randread --runtime 50ms").out())
        .containsPattern("(?m)^randread +[1-9]");
    assertThat(image).hasBinaryContent(content);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 'x', 0xff})
  void image_withoutFile_exits1AndSaysHowItIsWritten(int content) throws IOException {
    byte[] bytes = new byte[3 << 20];
    Arrays.fill(bytes, (byte) content);
    Path image = Files.write(directory.resolve("disk.img"), bytes);
    Cli.Result result = bench(image.toString());
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .startsWith("nvmed: " + image + ": is no job file")
        .contains("file:" + image)
        .hasSizeLessThan(1000);
  }

  @Test
  void jobFile_longLine_isQuotedInPart() throws IOException {
    Cli.Result result = bench(jobs("[" + "x".repeat(100_000)).toString());
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains("load.fio:1: '[xxx", "…' (100001 characters)", "write [NAME]")
        .hasSizeLessThan(1000);
  }

  // ---- Output.

  @Test
  void output_tables() {
    String out = done("mem:1MiB --rw randrw --runtime 1s --ramp-time 1ms").out();
    String number = " +[\\d,]*\\d(\\.\\d+)?";
    assertThat(out)
        .containsPattern(
            "(?m)^LATENCY µs +I/O +DEPTH +P50 +P75 +P90 +P95 +P99 +P99.5 +P99.9 +P99.99 +P99.999"
                + " +MAX$")
        .containsPattern("(?m)^randrw +read +32(" + number + "){10}$")
        .containsPattern("(?m)^randrw +write +32(" + number + "){10}$")
        .containsPattern("(?m)^IOPS OVER TIME +DEPTH +LOWEST +HIGHEST")
        .containsPattern("(?m)^randrw +32(" + number + "){2} +[▁▂▃▄▅▆▇█]{1,10}$")
        .containsPattern(
            "(?m)^GC +\\d+ collections, \\d+ ms; the workers allocated \\d+\\.\\d bytes per I/O$")
        .containsPattern(
            "(?m)^Tool +([1-9]\\d* ns of each I/O are its own: .*; \\d+\\.\\d bytes allocated"
                + "|what it takes of each I/O could not be measured: the cores are busy)$");
    String percentiles =
        out.lines().filter(line -> line.matches("randrw +read +32 .*")).findFirst().orElseThrow();
    assertThat(
            Stream.of(percentiles.split(" +", -1))
                .skip(3)
                .map(us -> Double.valueOf(us.replace(",", ""))))
        .isSorted();
  }

  @ParameterizedTest
  @ValueSource(strings = {"--json", "--html"})
  void output_notWritable_exits1BeforeTheRun(String option) throws IOException {
    String line = "mem:1MiB --runtime 1h " + option + " ";
    assertFails(1, line + directory, directory + ": is a directory");
    assertFails(1, line + directory + "/no/r", "/no/r: no directory to write to");
    Path file = Files.writeString(directory.resolve("file"), "");
    assertFails(1, line + file + "/r", "file/r: no directory to write to");
  }

  @Test
  void html_isAPage() throws IOException {
    Path page = directory.resolve("r.html");
    assertThat(done("mem:1MiB --rw randread --runtime 100ms --html " + page).out())
        .contains("Page    " + page);
    assertThat(Files.readString(page)).startsWith("<!").contains("randread");
  }

  @Test
  void json_seriesAddsUpToTheIos() throws IOException {
    Cli.Result result = done("mem:1MiB --rw randread --runtime 1s --ramp-time 1ms --json -");
    JsonNode job = new ObjectMapper().readTree(result.out()).get("jobs").get(0);
    JsonNode series = job.at("/nvmed/series");
    double seconds = series.get("interval_ms").asDouble() / 1000;
    List<Long> counts = new ArrayList<>();
    series.get("read_iops").forEach(rate -> counts.add(Math.round(rate.asDouble() * seconds)));
    long inSeries = counts.stream().mapToLong(count -> count).sum();
    long all = job.at("/read/total_ios").asLong();
    assertThat(seconds).isEqualTo(0.1);
    // What is missing is of the last part of an interval.
    long runtimeMs = job.at("/job_runtime").asLong();
    assertThat(runtimeMs).isBetween(1L, 1000L);
    assertThat((long) counts.size()).isBetween((runtimeMs - 1) / 100, (runtimeMs + 1) / 100);
    assertThat(inSeries).isLessThanOrEqualTo(all);
  }

  // ---- Comparison.

  private static final List<String> CONTENDERS =
      List.of(
          "FileChannel DIRECT",
          "FileChannel",
          "AsynchronousFileChannel DIRECT",
          "mapped file",
          "io_uring DIRECT (jasyncfio)",
          "nvmed file:",
          "nvmed mem:");

  @Test
  void compare_aRowForEachContender() {
    Cli.Result result =
        done(
            "--compare %s --size 8m --io-size 256k --ramp-time 1ms --iodepth 1,2 --rw randread"
                .formatted(directory));
    for (String contender : CONTENDERS) {
      assertThat(rows(result, contender)).as(contender).hasSize(2);
    }
    assertThat(rows(result, "FileChannel DIRECT"))
        .allSatisfy(row -> assertThat(row.strip().split(" {2,}", -1)[2]).isEqualTo("1.00"));
    assertThat(result.out()).contains("randread, iodepth 1", "randread, iodepth 2");
    assertThat(directory).isEmptyDirectory();
  }

  private static List<String> rows(Cli.Result result, String contender) {
    return result.out().lines().filter(line -> line.startsWith(contender + "  ")).toList();
  }

  /** With a rate that none can keep, what counts is the wait, in the table as in the report. */
  @Test
  void compare_rate_latenciesAreFromWhenTheyWereDue() {
    Cli.Result result =
        done(
            "--compare %s --size 1m --runtime 1s --ramp-time 1ms --iodepth 1 --rw randread --rate-iops 1g"
                .formatted(directory));
    for (String contender : CONTENDERS) {
      for (String row : rows(result, contender)) {
        String p50 = row.strip().split(" {2,}", -1)[3].replace(",", "");
        // Most never began, and half of them were due long before the end.
        assertThat(Double.parseDouble(p50)).as(row).isGreaterThan(20_000);
      }
    }
  }

  @Test
  void compare_jsonOnStandardOutput_isJsonAlone() throws IOException {
    Cli.Result result =
        done(
            "--compare %s --size 1m --runtime 20ms --ramp-time 1ms --iodepth 1 --rw randread --json -"
                .formatted(directory));
    assertThat(new ObjectMapper().readTree(result.out()).get("jobs").findValuesAsText("jobname"))
        .contains("FileChannel", "nvmed mem:");
  }

  @Test
  void compare_noDirectory_exits1() {
    assertFails(1, "--compare " + directory + "/none", "none", "directory");
  }

  @Test
  void compare_stopped_deletesItsFile() throws Exception {
    Stop stop = new Stop();
    CompletableFuture<Integer> status =
        execute(
            stop,
            new StringWriter(),
            "bench",
            "--compare",
            directory.toString(),
            "--size",
            "1m",
            "--runtime",
            "1h");
    while (files() == 0 && !status.isDone()) {
      Thread.onSpinWait();
    }
    assertThat(stop.request()).isTrue();
    // The process ends now.
    assertThat(files()).isZero();
    assertThat(status.get(120, TimeUnit.SECONDS)).isEqualTo(130);
  }

  private static CompletableFuture<Integer> execute(Stop stop, StringWriter out, String... line) {
    Streams streams =
        new Streams(
            () -> Channels.newChannel(InputStream.nullInputStream()),
            () -> Channels.newChannel(OutputStream.nullOutputStream()),
            Roots.under(Path.of("/nonexistent")),
            new LiveDriverSteps());
    return CompletableFuture.supplyAsync(() ->
        Nvmed.commandLine(new Nvmed(streams, stop))
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(new StringWriter()))
            .execute(line));
  }

  private long files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.count();
    }
  }
}
