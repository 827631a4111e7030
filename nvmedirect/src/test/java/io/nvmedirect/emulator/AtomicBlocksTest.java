package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A logical block is written as a whole or not at all (AWUN and AWUPF; NVMe 1.4, section 6.4). */
@Tag("emulator")
class AtomicBlocksTest {

  private static final int LAST = 0x30;
  private static final int PIECES = 64;
  private static final int PIECE_BYTES = 64;
  private static final int BYTES = PIECES * PIECE_BYTES;
  private static final int OLD = 0x11;
  private static final int NEW = 0x22;

  @TempDir Path directory;

  /** One call of a medium's. */
  private record Write(long position, long lengthBytes) {}

  /** Media of one MiB that note what is written by one call. */
  private static final class CountingMedia implements Media {
    final List<Write> writes = new ArrayList<>();
    final byte[] content = new byte[1 << 20];

    RawHost start(String options) throws IOException {
      String address = "mem:1MiB?" + options;
      RawHost host = new RawHost(Emulator.open(EmulatorOptions.parse(address), this, "counting"));
      host.enable(16);
      host.createQueue(1, 16, 1);
      return host;
    }

    @Override
    public long sizeBytes() {
      return content.length;
    }

    @Override
    public void read(long position, MemorySegment to, long offset, long lengthBytes) {
      MemorySegment.copy(MemorySegment.ofArray(content), position, to, offset, lengthBytes);
    }

    @Override
    public void write(long position, MemorySegment from, long offset, long lengthBytes) {
      writes.add(new Write(position, lengthBytes));
      MemorySegment.copy(from, offset, MemorySegment.ofArray(content), position, lengthBytes);
    }

    @Override
    public void discard(long position, long lengthBytes) {}

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  private static int blocks(RawHost host) throws IOException {
    return BYTES >>> host.identify(0, 1).u8(130 + 4 * (host.identify(0, 1).u8(26) & 0xF));
  }

  /** Segment descriptors of data: address, length. */
  private static void describe(RawHost.Buffer list, int index, long iova, int bytes) {
    list.u64(index * 16L, iova);
    list.u64(index * 16L + 8, bytes);
  }

  private static RawHost.Command sgl(int opcode, int blocks, RawHost.Buffer list, int pieces) {
    return command(opcode)
        .nsid(1)
        .blocks(0, blocks)
        .flags(0x40)
        .prp(list.iova(), (long) LAST << 56 | pieces * 16L);
  }

  /** A list of pieces that do not follow each other. */
  private static RawHost.Buffer scattered(RawHost host, RawHost.Buffer data, int pieces, int bytes)
      throws IOException {
    RawHost.Buffer list = host.buffer(4096);
    for (int i = 0; i < pieces; i++) {
      describe(list, i, data.iova() + 2L * i * bytes, bytes);
    }
    return list;
  }

  @ParameterizedTest
  @ValueSource(strings = {"lba=512", "lba=4096", "lba=512&mode=thread", "lba=4096&mode=thread"})
  void write_blocksInPieces_oneCallHasAllOfABlock(String options) throws IOException {
    CountingMedia media = new CountingMedia();
    try (RawHost host = media.start(options)) {
      int blocks = blocks(host);
      RawHost.Buffer data = host.buffer(2 * BYTES).pattern(5);
      host.io().ok(sgl(1, blocks, scattered(host, data, PIECES, PIECE_BYTES), PIECES));
      assertThat(media.writes).containsExactly(new Write(0, BYTES));
      RawHost.Buffer read = host.buffer(BYTES);
      host.io().ok(command(2).nsid(1).blocks(0, blocks).data(read));
      for (int i = 0; i < PIECES; i++) {
        MemorySegment piece = data.memory().asSlice(2L * i * PIECE_BYTES, PIECE_BYTES);
        assertThat(read.memory().asSlice((long) i * PIECE_BYTES, PIECE_BYTES).mismatch(piece))
            .isEqualTo(-1);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 512, 516, 4092})
  void write_prpsThatBeginInAPage_oneCallHasAllOfABlock(int offset) throws IOException {
    CountingMedia media = new CountingMedia();
    try (RawHost host = media.start("lba=4096")) {
      RawHost.Buffer low = host.buffer(4096).pattern(1);
      RawHost.Buffer high = host.buffer(4096).pattern(2);
      host.io().ok(command(1).nsid(1).blocks(1, 1).prp(low.iova() + offset, high.iova()));
      assertThat(media.writes).containsExactly(new Write(4096, 4096));
    }
  }

  /** 64 KiB at a time, in whole blocks: none is in two of them. */
  @Test
  void write_largeInPieces_isGatheredInWholeBlocks() throws IOException {
    CountingMedia media = new CountingMedia();
    int bytes = 1000;
    int pieces = 255;
    try (RawHost host = media.start("lba=4096")) {
      RawHost.Buffer data = host.buffer(2 * 255 * 1000 + 4096).pattern(9);
      RawHost.Buffer list = scattered(host, data, pieces + 1, bytes);
      int last = 63 * 4096 - pieces * bytes;
      describe(list, pieces, data.iova() + 2L * pieces * bytes, last);
      host.io().ok(sgl(1, 63, list, pieces + 1));
      assertThat(media.writes).hasSize(4);
      long at = 0;
      for (Write write : media.writes) {
        assertThat(write.position()).isEqualTo(at);
        assertThat(write.lengthBytes() % 4096).isZero();
        at += write.lengthBytes();
      }
      assertThat(at).isEqualTo(63 * 4096);
      RawHost.Buffer whole = host.buffer(63 * 4096);
      host.io().ok(command(2).nsid(1).blocks(0, 63).flags(0x40).prp(whole.iova(), 63 * 4096));
      for (int i = 0; i <= pieces; i++) {
        int length = i == pieces ? last : bytes;
        assertThat(
                whole
                    .memory()
                    .asSlice((long) i * bytes, length)
                    .mismatch(data.memory().asSlice(2L * i * bytes, length)))
            .isEqualTo(-1);
      }
    }
  }

  /** What is common goes to the media as it is: a contiguous range, and pages of whole blocks. */
  @ParameterizedTest
  @ValueSource(strings = {"lba=512", "lba=4096"})
  void write_wholeBlocks_areNotCopied(String options) throws IOException {
    CountingMedia media = new CountingMedia();
    try (RawHost host = media.start(options)) {
      RawHost.Buffer data = host.buffer(8192);
      int blocks = 2 * blocks(host);
      host.io().ok(command(1).nsid(1).blocks(0, blocks).data(data));
      assertThat(media.writes).containsExactly(new Write(0, 8192));
      media.writes.clear();
      RawHost.Buffer other = host.buffer(4096);
      host.io().ok(command(1).nsid(1).blocks(0, blocks).prp(data.iova(), other.iova()));
      assertThat(media.writes).containsExactly(new Write(0, 4096), new Write(4096, 4096));
    }
  }

  /** Memory of one piece was freed: all blocks that have a part of it stay what they were. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1MiB?lba=4096",
        "mem:1MiB?lba=4096&mode=thread",
        "mem:1MiB?lba=512",
        "file:%s?size=1MiB&lba=4096",
        "file:%s?size=1MiB&lba=4096&mode=thread",
        "file:%s?size=1MiB&lba=512"
      })
  void write_aPieceIsGone_leavesTheOldBlock(String address) throws IOException {
    try (RawHost host = RawHost.start(address.formatted(directory.resolve("image")))) {
      int blocks = blocks(host);
      int blockBytes = BYTES / blocks;
      RawHost.Buffer old = host.buffer(BYTES).fill(OLD);
      host.io().ok(command(1).nsid(1).blocks(0, blocks).data(old));
      RawHost.Buffer data = host.buffer(2 * BYTES).fill(NEW);
      for (int gone : new int[] {0, 1, 7, 40, 63}) {
        RawHost.Buffer list = scattered(host, data, PIECES, PIECE_BYTES);
        try (Arena arena = Arena.ofShared()) {
          long iova = host.device.dma().map(arena.allocate(4096, 4096));
          describe(list, gone, iova, PIECE_BYTES);
        }
        assertThat(host.io().status(sgl(1, blocks, list, PIECES)))
            .as("without piece %d", gone)
            .isEqualTo(Status.DATA_TRANSFER_ERROR);
        assertWholeBlocks(host, blocks, blockBytes, gone * PIECE_BYTES / blockBytes);
      }
    }
  }

  /** Every block has one value, and the one that could not be written the old one. */
  private static void assertWholeBlocks(RawHost host, int blocks, int blockBytes, int old)
      throws IOException {
    RawHost.Buffer read = host.buffer(BYTES);
    host.io().ok(command(2).nsid(1).blocks(0, blocks).data(read));
    for (int block = 0; block < blocks; block++) {
      byte first = read.memory().get(ValueLayout.JAVA_BYTE, (long) block * blockBytes);
      for (int i = 1; i < blockBytes; i++) {
        assertThat(read.u8((long) block * blockBytes + i)).isEqualTo(first & 0xFF);
      }
      if (block == old) {
        assertThat(first).isEqualTo((byte) OLD);
      }
    }
  }

  /** The kernel finds the memory gone, in place of the JVM. */
  @Test
  void write_pageIsGone_isADataTransferError() throws IOException {
    Path image = directory.resolve("image");
    try (RawHost host = RawHost.start("file:" + image + "?size=1MiB&lba=4096");
        GonePage memory = GonePage.map(directory.resolve("memory"))) {
      long iova = host.device.dma().map(memory.segment());
      memory.vanish();
      assertThat(host.io().status(command(1).nsid(1).blocks(0, 1).prp(iova, 0)))
          .isEqualTo(Status.DATA_TRANSFER_ERROR);
      assertThat(host.log(2, 512, false).u64(160)).as("media errors").isZero();
      host.checkWorks();
    }
  }

  /** A client takes away the second of the two pages that a block is in, which are contiguous. */
  @Test
  void write_pageOfAClientIsGone_leavesTheOldBlock() throws IOException {
    CountingMedia media = new CountingMedia();
    EmulatorOptions options = EmulatorOptions.parse("mem:1MiB?lba=4096");
    long iova = 1L << 40;
    try (Subsystem subsystem = Subsystem.of(options, media, "counting", Clock.SYSTEM);
        PolledController host = new PolledController(subsystem, 1);
        GonePage memory = GonePage.map(directory.resolve("memory"))) {
      memory.segment().fill((byte) NEW);
      assertThat(host.controller.map(iova, memory.segment())).isTrue();
      host.enable();
      host.createQueues();
      memory.vanishSecond();
      host.post(1, 0x01, 1, iova + 2048, iova + 4096, 0, 0);
      host.ring(1);
      // The server's thread drops the client.
      assertThatThrownBy(host::poll).isInstanceOf(InternalError.class);
      assertThat(media.writes).isEmpty();
      assertThat(media.content).containsOnly(0);
      host.controller.unmap(iova);
    }
  }

  /** A block of 4096 bytes that began at 512 would be in two pages of the file. */
  @Test
  void format_unalignedNamespace_isRefused() throws IOException {
    long bytes = 2 * (8 * 4096 + 512);
    String address = "file:%s?size=%d&ns=2".formatted(directory.resolve("image"), bytes);
    try (RawHost host = RawHost.start(address)) {
      assertThat(host.admin().refused(command(0x80).nsid(2).cdw(10, 1))).isEqualTo(0x10A);
      assertThat(host.admin().refused(command(0x80).nsid(RawHost.ALL).cdw(10, 1))).isEqualTo(0x10A);
      assertThat(host.identify(0, 1).u8(26)).as("nothing has changed").isZero();
      host.admin().ok(command(0x80).nsid(1).cdw(10, 1));
      host.admin().ok(command(0x80).nsid(RawHost.ALL).cdw(10, 0));
    }
  }
}
