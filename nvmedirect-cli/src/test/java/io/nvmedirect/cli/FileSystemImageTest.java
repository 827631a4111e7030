package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A file system that other programs make and check goes through a device unharmed. */
final class FileSystemImageTest {

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(ints = {512, 4096})
  void copy_ext4ThereAndBack(int lba) throws Exception {
    Path image = makeImage();
    String device = "file:%s?size=40MiB&lba=%d".formatted(directory.resolve("nvme.img"), lba);
    Path back = directory.resolve("back.ext4");

    Cli.Result copied = Cli.run("copy", "--verify", image.toString(), device);
    assertThat(copied.status()).as(copied.err()).isZero();
    Cli.Result read =
        Cli.run("read", device, "--length", Files.size(image) + "", "--output", back.toString());
    assertThat(read.status()).as(read.err()).isZero();

    run("cmp", image.toString(), back.toString());
    run(tool("e2fsck"), "-fn", back.toString());
  }

  private Path makeImage() throws Exception {
    Path content = Files.createDirectories(directory.resolve("content/a/b"));
    Random random = new Random(1);
    for (int i = 0; i < 40; i++) {
      byte[] bytes = new byte[random.nextInt(300_000)];
      random.nextBytes(bytes);
      Files.write(content.resolve("file" + i), bytes);
    }
    Files.createSymbolicLink(content.resolve("link"), Path.of("file1"));
    Path image = directory.resolve("image.ext4");
    run(
        tool("mkfs.ext4"),
        "-q",
        "-b",
        "1024",
        "-d",
        directory.resolve("content").toString(),
        image.toString(),
        "32001k");
    return image;
  }

  /** Where administrators' tools are, which are not on everybody's PATH. */
  private static String tool(String name) {
    return Stream.concat(
            Stream.of(System.getenv("PATH").split(":")), Stream.of("/usr/sbin", "/sbin"))
        .map(entry -> Path.of(entry, name))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst()
        .orElseThrow(() ->
            new AssertionError(name + " is missing; install it with: apt-get install e2fsprogs"));
  }

  private void run(String... command) throws IOException, InterruptedException {
    Path log = directory.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue())
        .as(String.join(" ", command) + "\n" + Files.readString(log))
        .isZero();
  }
}
