package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static io.nvmedirect.emulator.RawHost.read;
import static io.nvmedirect.emulator.RawHost.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileMediaTest {

  @TempDir Path directory;

  private void assertRefused(String address, String... words) {
    assertThatThrownBy(() -> RawHost.open(address))
        .isInstanceOf(NvmeException.class)
        .hasMessageStartingWith(address)
        .hasMessageContainingAll(words);
  }

  @Test
  void open_dataPersists() throws IOException {
    Path file = directory.resolve("disk.img");
    try (RawHost host = RawHost.start("file:" + file + "?size=1MiB&ns=2")) {
      host.io().ok(write(1, 100, 8, host.buffer(4096).fill(0x31)));
      host.io().ok(write(2, 0, 1, host.buffer(4096).fill(0x32)));
      host.io().ok(command(0).nsid(0xFFFF_FFFF));
    }
    assertThat(Files.size(file)).isEqualTo(1 << 20);
    try (RawHost host = RawHost.start("file:" + file + "?ns=2&mode=thread")) {
      RawHost.Buffer data = host.buffer(4096);
      host.io().ok(read(1, 100, 8, data));
      assertThat(data.has(0x31)).isTrue();
      host.io().ok(read(2, 0, 8, data));
      assertThat(data.u8(511)).isEqualTo(0x32);
      assertThat(data.u8(512)).isZero();
      host.io().ok(command(9).nsid(1).cdw(11, 4).data(ranges(host, 100, 8)));
    }
    try (RawHost host = RawHost.start("file:" + file + "?size=1MiB&ns=2")) {
      RawHost.Buffer data = host.buffer(4096).fill(1);
      host.io().ok(read(1, 100, 8, data));
      assertThat(data.has(0)).isTrue();
    }
  }

  private static RawHost.Buffer ranges(RawHost host, long slba, int blocks) throws IOException {
    RawHost.Buffer ranges = host.buffer(4096);
    ranges.u32(4, blocks);
    ranges.u64(8, slba);
    return ranges;
  }

  @Test
  void open_identityIsThatOfTheFile() throws IOException {
    Path file = directory.resolve("disk.img");
    long first;
    try (RawHost host = RawHost.start("file:" + file + "?size=1MiB")) {
      first = host.identify(0, 1).u64(104);
    }
    try (RawHost host = RawHost.start("file:" + file)) {
      assertThat(host.identify(0, 1).u64(104)).isEqualTo(first);
    }
  }

  @Test
  void open_badFilesAreRefusedAndUntouched() throws IOException {
    Path missing = directory.resolve("missing");
    assertRefused("file:" + missing, "there is no file", missing + "?size=1GiB)");
    assertRefused(
        "file:" + missing + "?mode=thread",
        "there is no file",
        missing + "?mode=thread&size=1GiB)");
    assertThat(missing).doesNotExist();
    assertRefused("file:" + directory.resolve("no/file") + "?size=1MiB", "directory", "not exist");
    assertRefused("file:" + directory, "is a directory");
    assertRefused("file:" + directory + "?size=1MiB", "is a directory");

    Path odd = directory.resolve("odd");
    byte[] content = new byte[1000];
    content[999] = 7;
    Files.write(odd, content);
    assertRefused("file:" + odd, "1000 bytes", "multiple of 512");
    assertRefused("file:" + odd + "?size=1MiB", "1000 bytes", "size=1048576");
    assertThat(Files.readAllBytes(odd)).isEqualTo(content);

    Path empty = Files.createFile(directory.resolve("empty"));
    assertRefused("file:" + empty, "0 bytes");
    assertRefused("file:" + empty + "?size=1MiB", "0 bytes");
    assertThat(Files.size(empty)).isZero();

    Path even = Files.write(directory.resolve("even"), new byte[1024]);
    assertRefused("file:" + even + "?lba=4096", "1024 bytes", "4096");
    assertRefused("file:" + even + "?ns=3", "1024 bytes", "1536");
  }

  @Test
  void create_failureLeavesNoFile() {
    Path huge = directory.resolve("huge");
    String address = "file:" + huge + "?size=9007199254740480KiB"; // more than any file system has
    assertRefused(address, huge.toString());
    assertThat(huge).doesNotExist();
  }

  @Test
  void open_lockedFileIsRefused() throws IOException {
    Path file = directory.resolve("disk.img");
    String address = "file:" + file + "?size=1MiB";
    try (RawHost host = RawHost.start(address)) {
      String own = "(pid %d)".formatted(ProcessHandle.current().pid());
      assertRefused(address, "another process", "has locked " + file, "it is open in", own);
      assertRefused("file:" + file, "another process");
      host.checkWorks();
    }
    RawHost.start(address).close();
    try (FileChannel other = FileChannel.open(file, StandardOpenOption.WRITE)) {
      assertThat(other.lock()).isNotNull();
      assertRefused(address, "another process");
    }
    try (NativeFile other = NativeFile.open(file)) {
      assertThat(other.tryLock()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"inline", "thread"})
  void truncation_failsAndDoesNotGrowAgain(String mode) throws IOException {
    Path file = directory.resolve("disk.img");
    try (RawHost host = RawHost.start("file:" + file + "?size=1MiB&mode=" + mode)) {
      RawHost.Queue io = host.io();
      RawHost.Buffer data = host.buffer(4096).fill(5);
      io.ok(write(1, 0, 8, data));
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(6000);
      }
      io.ok(read(1, 0, 8, data));
      assertThat(io.status(read(1, 8, 8, data))).isEqualTo(0x281);
      assertThat(io.status(read(1, 2000, 8, data))).isEqualTo(0x281);
      assertThat(io.status(command(0x0C).nsid(1).blocks(0, 100))).isEqualTo(0x281);
      assertThat(io.status(command(5).nsid(1).blocks(11, 2).data(data))).isEqualTo(0x281);
      assertThat(io.status(write(1, 0, 8, data))).isEqualTo(0x280);
      assertThat(io.status(write(1, 2047, 1, data))).isEqualTo(0x280);
      assertThat(io.status(command(8).nsid(1).blocks(0, 8))).isEqualTo(0x280);
      assertThat(io.status(command(9).nsid(1).cdw(11, 4).data(ranges(host, 0, 8))))
          .isEqualTo(0x280);
      assertThat(Files.size(file)).isEqualTo(6000);
      io.ok(command(0).nsid(1));
    }
  }

  @Test
  void cache_flushFuaAndDisabledCacheAreDurable() throws IOException {
    FaultyMedia media = new FaultyMedia();
    try (RawHost host = media.start()) {
      RawHost.Queue io = host.io();
      RawHost.Buffer data = host.buffer(4096);
      io.ok(write(1, 0, 1, data));
      io.ok(command(0).nsid(1));
      io.ok(write(1, 0, 1, data).cdw(12, 1 << 30));
      host.admin().ok(command(9).cdw(10, 6).cdw(11, 0));
      io.ok(write(1, 0, 1, data));
      io.ok(command(8).nsid(1).blocks(0, 1));
      host.device.write32(RawHost.CC, RawHost.ENABLE | 1 << 14);
    }
    assertThat(media.calls)
        .containsExactly(
            "write", "flush", "write", "flush", "write", "flush", "discard", "flush", "flush",
            "close");
  }

  @Test
  void errors_haveTheirStatus() throws IOException {
    FaultyMedia media = new FaultyMedia();
    try (RawHost host = media.start()) {
      RawHost.Queue io = host.io();
      RawHost.Buffer data = host.buffer(4096);
      media.failure = new IOException("broken");
      assertThat(io.status(read(1, 0, 1, data))).isEqualTo(0x281);
      assertThat(io.status(write(1, 0, 1, data))).isEqualTo(0x280);
      assertThat(io.status(command(0).nsid(1))).isEqualTo(0x280);
      assertThat(io.status(command(8).nsid(1).blocks(0, 1))).isEqualTo(0x280);
      assertThat(host.admin().status(command(0x80).nsid(1))).isEqualTo(0x280);
      media.failure = fullDisk();
      assertThat(io.refused(write(1, 0, 1, data))).isEqualTo(0x081);
      media.failure = null;
      io.ok(write(1, 0, 1, data));
      assertThat(host.log(2, 512, false).u64(160)).as("media errors").isEqualTo(6);
      media.failure = new IOException("broken");
      host.device.write32(RawHost.CC, RawHost.ENABLE | 1 << 14);
      host.awaitStatus(1 | 2 | 1 << 2);
    }
  }

  /** What a write to a full disk gives. */
  private static IOException fullDisk() throws IOException {
    try (NativeFile full = NativeFile.open(Path.of("/dev/full"))) {
      full.write(java.lang.foreign.Arena.ofAuto().allocate(512), 0);
      throw new AssertionError("/dev/full took a write");
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("ENOSPC");
      return e;
    }
  }

  /** Media that notes its calls and fails when it is told to. */
  private static final class FaultyMedia implements Media {
    final List<String> calls = new ArrayList<>();
    @Nullable IOException failure;

    RawHost start() throws IOException {
      RawHost host = new RawHost(Emulator.open(EmulatorOptions.parse("mem:1MiB"), this, "faulty"));
      host.enable(16);
      host.createQueue(1, 16, 1);
      return host;
    }

    private void call(String name) throws IOException {
      calls.add(name);
      if (failure != null) {
        throw failure;
      }
    }

    @Override
    public long sizeBytes() {
      return 1 << 20;
    }

    @Override
    public void read(long position, MemorySegment to, long offset, long lengthBytes)
        throws IOException {
      call("read");
    }

    @Override
    public void write(long position, MemorySegment from, long offset, long lengthBytes)
        throws IOException {
      call("write");
    }

    @Override
    public void discard(long position, long lengthBytes) throws IOException {
      call("discard");
    }

    @Override
    public void flush() throws IOException {
      call("flush");
    }

    @Override
    public void close() {
      calls.add("close");
    }
  }
}
