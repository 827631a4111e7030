package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class JobFileTest {

  @TempDir Path directory;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }

  private JobFile read(String text) throws IOException {
    return JobFile.read(write("JOB.fio", text), Map.of(), Map.of("RW", "randwrite")::get);
  }

  @Test
  void read_globalsCountForSectionsBehindThem() throws IOException {
    JobFile file =
        read(
            """
            ; a comment
            [global]
            filename=mem:1GiB
            bs=8k
            iodepth=4

            [one]
            rw=randread
            bs=16k
            [global]
            iodepth=8
            # another
            [two]
            rw=${RW}
            """);
    assertThat(file.messages()).isEmpty();
    assertThat(file.jobs()).extracting(Job::name).containsExactly("one", "two");
    assertThat(file.jobs()).extracting(Job::depth).containsExactly(4, 8);
    assertThat(file.jobs())
        .extracting(job -> job.pattern().blocks())
        .containsExactly(BlockSizes.of(16384), BlockSizes.of(8192));
    assertThat(file.jobs())
        .extracting(job -> job.pattern().workload())
        .containsExactly(Workload.RANDREAD, Workload.RANDWRITE);
  }

  @Test
  void read_commentsBehindValuesAndBlanks() throws IOException {
    JobFile file =
        read("[ a job ]\n filename = mem:1GiB # here\nnumjobs=4\t; 4 threads\niodepth=2;x\n");
    Job job = file.jobs().getFirst();
    assertThat(job.name()).isEqualTo("a job");
    assertThat(job.target().address()).isEqualTo("mem:1GiB");
    assertThat(job.workers()).isEqualTo(4);
    assertThat(job.depth()).isEqualTo(2);
  }

  @Test
  void read_nameOfSectionUnlessItHasAnother() throws IOException {
    JobFile file = read("[global]\nfilename=mem:1GiB\nname=g\n[a]\n[b]\nname=c\n");
    assertThat(file.jobs()).extracting(Job::name).containsExactly("a", "c");
  }

  @Test
  void read_includesFileBesideIt() throws IOException {
    write("common", "[global]\nfilename=mem:1GiB\n");
    JobFile file = read("include common\n[a]\n");
    assertThat(file.jobs().getFirst().target().address()).isEqualTo("mem:1GiB");
  }

  @Test
  void read_overridesWinInEachSection() throws IOException {
    Path path =
        write(
            "JOB.fio",
            """
            [global]
            ioengine=cpuio
            bssplit=4k/50:8k/50
            filename=/dev/sda:/dev/sdb
            [a]
            rwmixwrite=40
            runtime=900
            [b]
            rw=trim
            """);
    JobFile file =
        JobFile.read(
            path,
            Map.of(
                "ioengine",
                "nvmed",
                "filename",
                "mem:1GiB",
                "blocksize",
                "512",
                "timeout",
                "1",
                "readwrite",
                "rw",
                "rwmixread",
                "10"));
    assertThat(file.messages()).isEmpty();
    assertThat(file.jobs())
        .allSatisfy(job -> {
          assertThat(job.target().address()).isEqualTo("mem:1GiB");
          assertThat(job.pattern().blocks()).isEqualTo(BlockSizes.of(512));
          assertThat(job.span().runtime()).isEqualTo(Duration.ofSeconds(1));
          assertThat(job.pattern().workload()).isEqualTo(Workload.RW);
          assertThat(job.pattern().readPercent()).isEqualTo(10);
        });
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JobFile.read(path, Map.of("iodepth", "0")))
        .withMessage("iodepth=0: 1 to 65536");
  }

  @Test
  void messages_lineAndSectionOnce() throws IOException {
    JobFile file =
        read(
            "[global]\nfilename=mem:1GiB\nioengine=libaio\n[a]\nfrob=1\n[b]\ntime_based\nsize=4MiB\n");
    Path path = directory.resolve("JOB.fio");
    assertThat(file.messages())
        .containsExactly(
            path + ":3: [global] ioengine=libaio: the I/O is nvmed's",
            path + ":5: [a] frob=1: no key of fio's that is known here",
            path + ":8: [b] size=4MiB: units are powers of 1024, and for fio KiB is 1000",
            path + ":6: [b] time_based: no effect without runtime");
  }

  @Test
  void file_ofSeveralJobsHasTheLargestSize() throws IOException {
    String name = directory.resolve("disk").toString();
    JobFile file =
        read(
            "[global]\nfilename=%s\n[a]\nsize=4k\n[b]\nsize=8k\noffset=8k\n[c]\ndirectory=%s/.\nfilename=disk\n"
                .formatted(name, directory));
    assertThat(file.jobs().get(0).target().address()).isEqualTo("file:" + name + "?size=16384");
    assertThat(file.jobs().get(1).target().address()).isEqualTo("file:" + name + "?size=16384");
    assertThat(file.jobs().get(0).pattern().size()).isEqualTo(4096);
    assertThat(file.jobs().get(2).target().address()).endsWith("disk?size=16384");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "iodepth=1 | :1: 'iodepth=1' is before the first section",
        "[x | :1: '[x' is no section",
        "[global] | : no job: it needs a section such as [randread]",
        "[a]~bs=4k~rwmixread=120 | :3: [a] rwmixread=120: 0 to 100",
        "[global]~flow=2~[job2] | :2: [job2] flow=2: jobs do not wait for each other's I/O here",
        "[a]~rw=${NOPE} | :2: ${NOPE}: the environment has no such variable",
        "[a]~include nope | :2: there is no file ",
        "[a]~include JOB.fio | :2: files include each other, more than 16 deep",
        "[a]~~filename=/no/such/file | :3: [a] filename=/no/such/file: there is no such file; give a size to create it",
        "[a]~filename=mem:1g~loops=3 | :3: [a] loops=3: needs a size",
        "[a] | :1: [a] filename=a.0.0: there is no such file; give a size to create it",
      })
  void read_errorsHaveFileAndLine(String text, String message) {
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> read(text.replace('~', '\n')))
        .withMessageStartingWith(directory.resolve("JOB.fio") + message);
  }

  @Test
  void read_noText() throws IOException {
    Path binary = Files.write(directory.resolve("x"), new byte[] {(byte) 0xff, 0});
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> JobFile.read(binary, Map.of()))
        .withMessageStartingWith(binary + ": is no job file, which is text");
    Path latin = Files.write(directory.resolve("y"), new byte[] {'[', (byte) 0xe4, ']'});
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> JobFile.read(latin, Map.of()))
        .withMessage(latin + ": no text in UTF-8");
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> JobFile.read(directory.resolve("nope"), Map.of()));
  }
}
