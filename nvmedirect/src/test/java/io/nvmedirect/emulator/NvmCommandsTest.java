package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.ALL;
import static io.nvmedirect.emulator.RawHost.command;
import static io.nvmedirect.emulator.RawHost.read;
import static io.nvmedirect.emulator.RawHost.write;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The NVM command set over both media and both block sizes; {@code DIR} is a new directory. */
class NvmCommandsTest {

  private static final int FUA = 1 << 30;
  private static final int DEAC = 1 << 25;

  @TempDir Path directory;

  private RawHost start(String address) throws IOException {
    return RawHost.start(address.replace("DIR", directory.toString()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1MiB?ns=2",
        "mem:1MiB?ns=2&lba=4096",
        "mem:1MiB?ns=2&mode=thread",
        "mem:1MiB?ns=2&model=flash",
        "file:DIR/a?size=1MiB&ns=2",
        "file:DIR/a?size=1MiB&ns=2&lba=4096&mode=thread"
      })
  void readAndWrite_moveData(String address) throws IOException {
    try (RawHost host = start(address)) {
      RawHost.Queue io = host.io();
      int lba = 1 << (host.identify(0, 1).u32(128 + 4 * host.identify(0, 1).u8(26)) >>> 16);
      RawHost.Buffer out = host.buffer(2L * lba).pattern(1);
      RawHost.Buffer in = host.buffer(2L * lba);
      long last = host.identify(0, 1).u64(0) - 2;
      io.ok(write(1, last, 2, out));
      io.ok(read(1, last, 2, in));
      assertThat(in.bytes()).isEqualTo(out.bytes());
      io.ok(read(2, 0, 2, in));
      assertThat(in.has(0)).as("the other namespace").isTrue();
      io.ok(write(2, 0, 2, out).cdw(12, FUA | 1));
      io.ok(read(2, 0, 2, in.fill(0)).cdw(12, FUA | 1));
      assertThat(in.bytes()).isEqualTo(out.bytes());
      io.ok(command(0).nsid(1));
      io.ok(command(0).nsid(ALL));
      host.admin().ok(command(9).cdw(10, 6).cdw(11, 0));
      io.ok(write(2, 2, 2, out));

      io.ok(command(5).nsid(2).blocks(0, 2).data(out));
      io.ok(command(0x0C).nsid(2).blocks(0, 2));
      in.memory().set(java.lang.foreign.ValueLayout.JAVA_BYTE, 2L * lba - 1, (byte) 1);
      assertThat(io.refused(command(5).nsid(2).blocks(0, 2).data(in))).isEqualTo(0x285);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?ns=2", "file:DIR/a?size=1MiB&ns=2"})
  void writeZeroesAndDeallocate_readAsZeroes(String address) throws IOException {
    try (RawHost host = start(address)) {
      RawHost.Queue io = host.io();
      RawHost.Buffer data = host.buffer(64 << 10);
      RawHost.Buffer lists = host.buffer(4096);
      for (int i = 1; i < 16; i++) {
        lists.u64((i - 1) * 8L, data.iova() + i * 4096L);
      }
      RawHost.Command writeAll = command(1).nsid(1).blocks(0, 128).prp(data.iova(), lists.iova());
      RawHost.Command readAll = command(2).nsid(1).blocks(0, 128).prp(data.iova(), lists.iova());

      data.fill(0x77);
      io.ok(writeAll);
      io.ok(command(8).nsid(1).blocks(3, 50)); // parts of pages on both sides
      io.ok(command(8).nsid(1).blocks(60, 1).cdw(12, DEAC));
      io.ok(command(8).nsid(1).blocks(62, 1).cdw(12, DEAC | FUA));
      io.ok(readAll);
      for (int block = 0; block < 128; block++) {
        boolean zero = (block >= 3 && block < 53) || block == 60 || block == 62;
        assertThat(data.u8(block * 512L)).as("block %d", block).isEqualTo(zero ? 0 : 0x77);
        assertThat(data.u8(block * 512L + 511)).isEqualTo(zero ? 0 : 0x77);
      }

      data.fill(0x66);
      io.ok(writeAll);
      RawHost.Buffer ranges = host.buffer(4096);
      for (int i = 0; i < 256; i++) {
        ranges.u32(i * 16L + 4, i % 4 == 0 ? 1 : 0);
        ranges.u64(i * 16L + 8, i / 4);
      }
      io.ok(command(9).nsid(1).cdw(10, 255).cdw(11, 3).data(ranges)); // hints only
      io.ok(readAll);
      assertThat(data.has(0x66)).isTrue();
      io.ok(command(9).nsid(1).cdw(10, 255).cdw(11, 4).data(ranges));
      io.ok(readAll);
      assertThat(data.u8(63 * 512L + 511)).isZero();
      assertThat(data.u8(64 * 512L)).isEqualTo(0x66);

      ranges.u32(4, 2);
      ranges.u64(8, 1023);
      ranges.u32(20, 1);
      ranges.u64(24, 100);
      assertThat(io.refused(command(9).nsid(1).cdw(10, 1).cdw(11, 4).data(ranges)))
          .isEqualTo(0x080);
      io.ok(readAll);
      assertThat(data.u8(100 * 512L)).as("nothing of it was done").isEqualTo(0x66);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?ns=2", "file:DIR/a?size=1MiB&ns=2"})
  void writeUncorrectable_failsReadsUntilRewritten(String address) throws IOException {
    try (RawHost host = start(address)) {
      RawHost.Queue io = host.io();
      RawHost.Buffer data = host.buffer(4096);
      io.ok(command(4).nsid(1).blocks(10, 4));
      assertThat(io.refused(read(1, 8, 3, data))).isEqualTo(0x281);
      assertThat(io.refused(read(1, 13, 1, data))).isEqualTo(0x281);
      assertThat(io.refused(command(5).nsid(1).blocks(10, 1).data(data))).isEqualTo(0x281);
      assertThat(io.refused(command(0x0C).nsid(1).blocks(0, 100))).isEqualTo(0x281);
      io.ok(read(2, 8, 8, data));
      io.ok(read(1, 8, 2, data));
      io.ok(read(1, 14, 2, data));
      io.ok(write(1, 11, 1, data));
      io.ok(read(1, 11, 1, data));
      assertThat(io.refused(read(1, 10, 1, data))).isEqualTo(0x281);
      assertThat(io.refused(read(1, 12, 1, data))).isEqualTo(0x281);
      io.ok(command(8).nsid(1).blocks(12, 2));
      io.ok(read(1, 11, 4, data));
      io.ok(write(1, 0, 8, data));
      io.ok(write(1, 8, 8, data));
      io.ok(command(0x0C).nsid(1).blocks(0, 100));
      assertThat(host.log(2, 512, false).u64(160)).as("media errors").isEqualTo(6);
      assertThat(io.refused(command(4).nsid(1).blocks(1023, 2))).isEqualTo(0x080);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1MiB?ns=2&mdts=8KiB",
        "mem:1MiB?ns=2&mdts=8KiB&model=null",
        "file:DIR/a?size=1MiB&ns=2&mdts=8KiB"
      })
  void commands_invalidOnesAreRefused(String address) throws IOException {
    try (RawHost host = start(address)) {
      RawHost.Queue io = host.io();
      RawHost.Buffer data = host.buffer(64 << 10);
      for (int opcode : new int[] {0x03, 0x06, 0x0D, 0x0E, 0x11, 0x15, 0x80, 0xFF}) {
        assertThat(io.refused(command(opcode).nsid(1))).isEqualTo(0x001);
      }
      for (int opcode : new int[] {1, 2, 4, 5, 8, 9, 0x0C}) {
        for (int nsid : new int[] {0, 3, 0x7FFF_FFFF, ALL, -2}) {
          assertThat(io.refused(command(opcode).nsid(nsid).data(data))).isEqualTo(0x00B);
        }
        assertThat(io.refused(command(opcode).nsid(1).data(data).flags(1))).isEqualTo(0x002);
        assertThat(io.refused(command(opcode).nsid(1).data(data).flags(0xC0))).isEqualTo(0x002);
      }
      for (int opcode : new int[] {1, 2, 4, 5, 8, 0x0C}) {
        RawHost.Command block = command(opcode).nsid(1).data(data);
        assertThat(io.refused(block.blocks(1024, 1))).isEqualTo(0x080);
        assertThat(io.refused(block.blocks(1023, 2))).isEqualTo(0x080);
        assertThat(io.refused(block.blocks(-1, 1))).isEqualTo(0x080);
        assertThat(io.refused(block.blocks(-1, 16))).as("overflow").isEqualTo(0x080);
        assertThat(io.refused(block.blocks(Long.MAX_VALUE, 2))).isEqualTo(0x080);
      }
      for (int opcode : new int[] {1, 2, 5}) {
        RawHost.Command block = command(opcode).nsid(1).data(data);
        assertThat(io.refused(block.blocks(0, 17))).as("MDTS").isEqualTo(0x002);
      }
      assertThat(io.refused(command(0).nsid(0))).isEqualTo(0x00B);
      assertThat(io.refused(command(0).nsid(3))).isEqualTo(0x00B);
      io.ok(command(8).nsid(1).blocks(0, 1024)); // MDTS is for transfers
    }
  }

  @Test
  void nullModel_touchesNoHostMemory() throws IOException {
    try (RawHost host = RawHost.start("mem:1TiB?model=null")) {
      RawHost.Buffer data = host.buffer(4096).fill(0x11);
      host.io().ok(write(1, 5, 8, data));
      host.io().ok(read(1, 5, 8, data));
      assertThat(data.has(0x11)).isTrue();
      host.io().ok(command(2).nsid(1).blocks(0, 8).prp(3, 5));
      host.io().ok(command(5).nsid(1).blocks(0, 8).prp(0, 0));
      host.io().ok(command(9).nsid(1).cdw(11, 4));
      host.io().ok(command(4).nsid(1).blocks(0, 8));
      host.io().ok(command(0x0C).nsid(1).blocks(0, 8));
      host.io().ok(command(0).nsid(ALL));
    }
  }

  @Test
  void mdtsZero_takesTheLargestCommand() throws IOException {
    try (RawHost host = RawHost.start("mem:64MiB?mdts=0")) {
      assertThat(host.identify(1, 0).u8(77)).isZero();
      long bytes = 65536L * 512;
      RawHost.Buffer data = host.buffer(bytes).fill(0x3C);
      RawHost.Buffer sgl = data;
      host.io()
          .ok(
              command(1)
                  .nsid(1)
                  .blocks(0, 65536)
                  .flags(0x40)
                  .prp(sgl.iova(), bytes)); // one data block descriptor
      host.io().ok(command(5).nsid(1).blocks(0, 65536).flags(0x40).prp(data.iova(), bytes));
    }
  }
}
