package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CopyCommandTest {

  private static final int SIZE = 6 << 20;

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "512, 0",
    "512, 1",
    "512, 511",
    "512, 512",
    "512, 1000001",
    "512, 6291456",
    "4096, 1",
    "4096, 4097",
    "4096, 524288",
    "4096, 5000000",
    "4096, 6291456"
  })
  void copy_oddSizesThereAndBack(int lba, int length) throws IOException {
    byte[] data = noise(length, lba);
    Cli.Result result = Cli.run("copy", "--verify", file("in", data), device("a", lba));
    assertSuccess(result);
    assertThat(result.out())
        .contains(length + " bytes (", "verified: " + length + " bytes are the same");

    Path back = directory.resolve("back");
    assertSuccess(Cli.run("copy", "--verify", device("a", lba), back.toString()));
    assertThat(back).hasBinaryContent(Arrays.copyOf(data, SIZE));
  }

  @ParameterizedTest
  @CsvSource({"512, 512", "512, 4096", "4096, 512"})
  void copy_deviceToDevice(int from, int to) throws IOException {
    byte[] data = noise(SIZE, 3);
    assertSuccess(Cli.run("copy", file("in", data), device("a", from)));
    Cli.Result result = Cli.run("copy", "--verify", device("a", from), device("b", to));
    assertSuccess(result);
    assertThat(result.out()).contains("verified: " + SIZE);
    Path back = directory.resolve("back");
    assertSuccess(Cli.run("copy", device("b", to), back.toString()));
    assertThat(back).hasBinaryContent(data);
  }

  @Test
  void copy_ontoItselfByAnotherName_isMisuse() throws IOException {
    byte[] data = noise(SIZE, 5);
    String image = file("a.img", data);
    Path hard = Files.createLink(directory.resolve("b.img"), Path.of(image));
    Cli.Result result = Cli.run("copy", "file:" + image, "file:" + hard + "?lba=4096");
    assertThat(result.status()).as(result.toString()).isEqualTo(2);
    assertThat(result.err()).contains("source and target are the same: file:" + image);
    assertThat(hard).hasBinaryContent(data);
  }

  @Test
  void copy_sourceTooLarge_writesNothing() throws IOException {
    Cli.Result result = Cli.run("copy", file("in", noise(SIZE + 1, 4)), device("a", 512));
    assertFailure(result, "has 6291456 bytes (6 MiB)", "length=6291457 do not fit");
    Path back = directory.resolve("back");
    assertSuccess(Cli.run("copy", device("a", 512), back.toString()));
    assertThat(back).hasBinaryContent(new byte[SIZE]);

    assertFailure(Cli.run("copy", "mem:8MiB", device("a", 512)), "do not fit");
  }

  @Test
  void copy_sourceMissing() {
    assertFailure(
        Cli.run("copy", directory + "/none", device("a", 512)), "none: no such file or directory");
    assertThat(directory.resolve("a.img")).doesNotExist();
  }

  @Test
  void copy_image_isRefused() throws IOException {
    assertSuccess(Cli.run("copy", file("in", noise(512, 1)), device("a", 512)));
    String image = directory.resolve("a.img").toString();
    assertFailure(Cli.run("copy", image, device("a", 512)), "is the image of the device");
    assertFailure(Cli.run("copy", device("a", 512), image), "is the image of the device");
  }

  @Test
  void copy_endlessSource_fillsTheDevice() {
    assertFailure(
        Cli.run("copy", "/dev/zero", "mem:1MiB"), "mem:1MiB is full: 1048576 bytes were written");
  }

  @Test
  void copy_secondNamespace() throws IOException {
    String address = "file:%s?size=4MiB&ns=2".formatted(directory.resolve("two.img"));
    byte[] data = noise(1 << 20, 5);
    assertSuccess(Cli.run("copy", "--verify", "--namespace", "2", file("in", data), address));
    assertFailure(Cli.run("copy", "--namespace", "9", file("in", data), address), "9");
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "524287", "524288", "1299999"})
  void compare_findsTheFirstDifference(int offset) throws IOException {
    byte[] one = noise(1_300_000, 6);
    byte[] other = one.clone();
    other[offset] ^= 1;
    other[one.length - 1] ^= 1;
    int expected = offset == one.length - 1 ? -1 : offset;
    assertThat(compare(one, other, one.length)).isEqualTo(expected);
    assertThat(compare(one, one, one.length)).isEqualTo(-1);
  }

  @Test
  void compare_targetEndsEarly() throws IOException {
    byte[] one = noise(1000, 7);
    assertThat(compare(one, Arrays.copyOf(one, 999), 1000)).isEqualTo(999);
  }

  private static long compare(byte[] one, byte[] other, long length) throws IOException {
    try (Progress progress = new Progress(null, "verify", length)) {
      return new Pump(new Stop(), progress).compare(slowly(one), slowly(other), length);
    }
  }

  /** A channel that gives few bytes at a time, as pipes do. */
  private static ReadableByteChannel slowly(byte[] bytes) {
    ReadableByteChannel all = Channels.newChannel(new ByteArrayInputStream(bytes));
    return new ReadableByteChannel() {
      @Override
      public int read(ByteBuffer to) throws IOException {
        int limit = to.limit();
        to.limit(Math.min(limit, to.position() + 65_537));
        int count = all.read(to);
        to.limit(limit);
        return count;
      }

      @Override
      public boolean isOpen() {
        return true;
      }

      @Override
      public void close() {}
    };
  }

  private String device(String name, int lba) {
    return "file:%s?size=6MiB&lba=%d".formatted(directory.resolve(name + ".img"), lba);
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
