package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ReadWriteCommandTest {

  private static final int SIZE = 8 << 20;

  @TempDir Path directory;

  private String address(int lba) {
    return "file:%s?size=8MiB&lba=%d".formatted(directory.resolve("nvme.img"), lba);
  }

  @ParameterizedTest
  @CsvSource({
    "512, 0, 512",
    "512, 0, 1",
    "512, 511, 1",
    "512, 511, 2",
    "512, 100, 300",
    "512, 1000, 5000000",
    "512, 524287, 524290",
    "512, 8388607, 1",
    "4096, 0, 4096",
    "4096, 4095, 4098",
    "4096, 1, 4094",
    "4096, 12345, 2345678",
    "4096, 0, 8388608",
    "4096, 8380000, 8608"
  })
  void write_anyRange_leavesTheRestAlone(int lba, int offset, int length) throws IOException {
    byte[] expected = noise(SIZE, 1);
    assertSuccess(Cli.run("copy", file("all", expected), address(lba)));
    byte[] part = noise(length, 2);
    System.arraycopy(part, 0, expected, offset, length);

    Cli.Result written =
        Cli.run("write", address(lba), "--offset", offset + "", "--input", file("part", part));

    assertSuccess(written);
    assertThat(written.out()).startsWith(length + " bytes written at offset " + offset);
    assertThat(read(lba, 0, SIZE)).isEqualTo(expected);
    assertThat(read(lba, offset, length)).isEqualTo(part);
  }

  /** Whoever reads needs neither a claim nor the right to write. */
  @Test
  void device_ofAnotherOne_isReadAndNotWrittenTo() throws IOException {
    Path image = Files.write(directory.resolve("disk.img"), noise(1 << 20, 6));
    String address = "file:" + image;
    try (NvmeDevice _ = NvmeDevice.open(address)) {
      for (String line : List.of("info", "smart", "flush", "read --length 4k --output -")) {
        String[] words = line.replaceFirst("( |$)", " " + address + "$1").strip().split(" ");
        assertSuccess(Cli.run(words));
      }
      for (String[] line :
          new String[][] {
            {"write", address, "--input", "-"},
            {"discard", address, "--offset", "0", "--length", "4k"},
            {"format", address, "--lba", "4096", "--force"},
            {"serve", "vfio-user:" + directory.resolve("socket"), "--device", address},
            {"copy", "mem:1MiB", address},
            {"copy", "mem:1MiB", image.toString()},
            {"read", "mem:1MiB", "--length", "1k", "--output", image.toString()}
          }) {
        Cli.Result result = Cli.run(line);
        assertThat(result.status()).as(result.toString()).isEqualTo(1);
        assertThat(result.err()).contains("has locked " + image);
        assertThat(image).hasBinaryContent(noise(1 << 20, 6));
      }
    }
  }

  @Test
  void output_diskThatIsMounted_isRefused() throws IOException {
    new FakeMachine(directory)
        .file("sys/devices/sdb/dev", "8:16\n")
        .link("sys/class/block/sdb", "../../devices/sdb")
        .mountinfo("30 22 8:16 / /data rw - ext4 /dev/sdb rw");
    Path disk = Files.write(directory.resolve("dev/sdb"), noise(1 << 20, 7));
    for (String[] line :
        new String[][] {
          {"copy", "mem:1MiB", disk.toString()},
          {"read", "mem:1MiB", "--length", "1k", "--output", disk.toString()}
        }) {
      Cli.Result result = Cli.run(new byte[0], directory, line);
      assertThat(result.status()).as(result.toString()).isEqualTo(1);
      assertThat(result.err())
          .contains(disk + " is in use: block device sdb is mounted at /data; nothing was written");
      assertThat(disk).hasBinaryContent(noise(1 << 20, 7));
    }
  }

  @Test
  void read_missingFileWithASize_isNotCreated() {
    Path missing = directory.resolve("missing");
    Cli.Result result = Cli.run("info", "file:%s?size=1MiB".formatted(missing));
    assertThat(result.status()).as(result.toString()).isEqualTo(1);
    assertThat(result.err()).contains("there is no file " + missing);
    assertThat(missing).doesNotExist();
  }

  @Test
  void read_standardOutput_isTheDataAlone() throws IOException {
    byte[] data = noise(10_000, 3);
    assertSuccess(Cli.run("write", address(512), "--offset", "3", "--input", file("in", data)));
    Cli.Result result =
        Cli.run("read", address(512), "--offset", "3", "--length", "10000", "--output", "-");
    assertSuccess(result);
    assertThat(result.out()).isEmpty();
    assertThat(result.data()).isEqualTo(data);
  }

  @Test
  void read_replacesTheFile() throws IOException {
    Path output = Path.of(file("out", noise(100, 4)));
    makeImage();
    assertSuccess(Cli.run("read", address(512), "--length", "10", "--output", output.toString()));
    assertThat(output).hasBinaryContent(new byte[10]);
  }

  @Test
  void read_beyondTheEnd_makesNoFile() throws IOException {
    makeImage();
    Path output = directory.resolve("out");
    Cli.Result result =
        Cli.run(
            "read",
            address(512),
            "--offset",
            "8MiB",
            "--length",
            "1",
            "--output",
            output.toString());
    assertFailure(result, "8388608 bytes", "offset=8388608", "length=1");
    assertThat(output).doesNotExist();
  }

  @Test
  void read_outputInNoDirectory() {
    assertFailure(
        Cli.run("read", "mem:1MiB", "--length", "1", "--output", directory + "/none/x"),
        "none/x: no such file or directory");
  }

  @Test
  void write_standardInput() throws IOException {
    byte[] data = noise(1_234_567, 5);
    Cli.Result result =
        Cli.run(data, directory, "write", address(4096), "--offset", "1k", "--input", "-");
    assertSuccess(result);
    assertThat(read(4096, 1024, data.length)).isEqualTo(data);
  }

  @Test
  void write_standardInputTooLong_fillsTheDevice() throws IOException {
    byte[] data = noise(SIZE, 6);
    Cli.Result result =
        Cli.run(data, directory, "write", address(512), "--offset", "1000", "--input", "-");
    assertFailure(result, "is full: 8387608 bytes were written");
    assertThat(read(512, 1000, SIZE - 1000)).isEqualTo(Arrays.copyOf(data, SIZE - 1000));
    assertThat(read(512, 0, 1000)).containsOnly(0);
  }

  @Test
  void write_standardInputThatFitsExactly() {
    byte[] data = noise(SIZE, 7);
    assertSuccess(Cli.run(data, directory, "write", address(512), "--input", "-"));
  }

  @Test
  void write_fileTooLong_writesNothing() throws IOException {
    Cli.Result result =
        Cli.run("write", address(512), "--offset", "1", "--input", file("in", noise(SIZE, 8)));
    assertFailure(result, "offset=1, length=8388608 do not fit");
    assertThat(read(512, 0, SIZE)).containsOnly(0);
  }

  @Test
  void write_emptyFile() throws IOException {
    assertSuccess(Cli.run("write", address(512), "--input", file("in", new byte[0])));
  }

  @Test
  void write_inputMissing() {
    assertFailure(
        Cli.run("write", "mem:1MiB", "--input", directory + "/none"),
        "none: no such file or directory");
    assertFailure(Cli.run("write", "mem:1MiB", "--input", directory.toString()), "is a directory");
  }

  @Test
  void write_imageOfTheDevice_isRefused() throws IOException {
    makeImage();
    String image = directory.resolve("nvme.img").toString();
    assertFailure(Cli.run("write", address(512), "--input", image), "is the image of the device");
    assertFailure(
        Cli.run("read", address(512), "--length", "1", "--output", image),
        "is the image of the device");
    assertThat(directory.resolve("nvme.img")).hasSize(SIZE);
  }

  private void makeImage() throws IOException {
    Files.write(directory.resolve("nvme.img"), new byte[SIZE]);
  }

  private byte[] read(int lba, int offset, int length) {
    Cli.Result result =
        Cli.run(
            "read",
            address(lba),
            "--offset",
            offset + "",
            "--length",
            length + "",
            "--output",
            "-");
    assertSuccess(result);
    return result.data();
  }

  private String file(String name, byte[] content) throws IOException {
    return Files.write(directory.resolve(name), content).toString();
  }

  private static byte[] noise(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static void assertSuccess(Cli.Result result) {
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.err()).isEmpty();
  }

  private static void assertFailure(Cli.Result result, String... messages) {
    assertThat(result.status()).as(result.toString()).isEqualTo(1);
    assertThat(result.err()).startsWith("nvmed: ").contains(messages).doesNotContain("\tat ");
  }
}
