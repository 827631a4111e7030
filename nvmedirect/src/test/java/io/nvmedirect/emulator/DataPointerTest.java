package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DataPointerTest {

  private static final int PAGE = 4096;

  private RawHost host;
  private RawHost.Queue io;
  private RawHost.Buffer stored;

  @BeforeEach
  void start() throws IOException {
    host = RawHost.start("mem:8MiB?mdts=4MiB");
    io = host.io();
    stored = host.buffer(4 << 20).pattern(7);
    io.ok(command(1).nsid(1).blocks(0, 8192).flags(0x40).prp(stored.iova(), 4 << 20));
  }

  @AfterEach
  void stop() {
    host.close();
  }

  private void assertRead(RawHost.Buffer data, long offset, long bytes) {
    assertThat(data.memory().asSlice(offset, bytes).mismatch(stored.memory().asSlice(0, bytes)))
        .isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4, 512, 2048, 3584, 4092})
  void prp1_mayBeginInsideAPage(int offset) throws IOException {
    RawHost.Buffer data = host.buffer(4 * PAGE);
    long first = data.iova() + offset;
    io.ok(command(2).nsid(1).blocks(0, 1).prp(first, data.iova() + PAGE));
    assertRead(data, offset, 512);
    io.ok(command(2).nsid(1).blocks(0, 8).prp(first, data.iova() + PAGE));
    assertRead(data, offset, 4096);
  }

  /** Pages in a random order, lists at random places, chained where a list page ends. */
  @ParameterizedTest
  @ValueSource(ints = {3, 9, 512, 513, 514, 1000, 1024})
  void prpLists_areFollowed(int pages) throws IOException {
    Random random = new Random(pages);
    RawHost.Buffer data = host.buffer((long) pages * PAGE + PAGE);
    RawHost.Buffer lists = host.buffer(64L * PAGE);
    for (int start : new int[] {0, 8, 2048, 4080, 4088}) {
      data.fill(0);
      int[] order = new int[pages];
      for (int i = 0; i < pages; i++) {
        int j = random.nextInt(i + 1);
        order[i] = order[j];
        order[j] = i;
      }
      int listPage = 0;
      long at = start;
      for (int i = 1; i < pages; i++) {
        boolean moreRemain = i < pages - 1;
        if (at % PAGE == PAGE - 8 && moreRemain) {
          listPage += 2;
          lists.u64(at, lists.iova() + (long) listPage * PAGE);
          at = (long) listPage * PAGE;
        }
        lists.u64(at, data.iova() + (long) order[i] * PAGE);
        at += 8;
      }
      io.ok(
          command(2)
              .nsid(1)
              .blocks(0, pages * 8)
              .prp(data.iova() + (long) order[0] * PAGE, lists.iova() + start));
      for (int i = 0; i < pages; i++) {
        MemorySegment expected = stored.memory().asSlice((long) i * PAGE, PAGE);
        assertThat(data.memory().asSlice((long) order[i] * PAGE, PAGE).mismatch(expected))
            .as("page %d, list at %d", i, start)
            .isEqualTo(-1);
      }
    }
  }

  @Test
  void prp_badOffsetsAreRefused() throws IOException {
    RawHost.Buffer data = host.buffer(8 * PAGE);
    RawHost.Buffer list = host.buffer(2 * PAGE);
    long page = data.iova();
    assertThat(io.refused(command(2).nsid(1).blocks(0, 1).prp(page + 1, 0))).isEqualTo(0x013);
    assertThat(io.refused(command(2).nsid(1).blocks(0, 1).prp(page + 2, 0))).isEqualTo(0x013);
    assertThat(io.refused(command(2).nsid(1).blocks(0, 16).prp(page, page + PAGE + 8)))
        .isEqualTo(0x013);
    RawHost.Command three = command(2).nsid(1).blocks(0, 24);
    assertThat(io.refused(three.prp(page, list.iova() + 4))).isEqualTo(0x013);
    list.u64(0, page + PAGE + 512);
    assertThat(io.refused(three.prp(page, list.iova()))).isEqualTo(0x013);
    list.u64(PAGE - 8, list.iova() + PAGE + 8);
    assertThat(io.refused(three.prp(page, list.iova() + PAGE - 8))).as("chain").isEqualTo(0x013);
  }

  @Test
  void prp_unmappedMemoryIsATransferError() throws IOException {
    RawHost.Buffer data = host.buffer(2 * PAGE).fill(0x55);
    RawHost.Buffer list = host.buffer(PAGE);
    long beyond = data.iova() + 2 * PAGE;
    for (long bad : new long[] {0, 0x1000, beyond, -4096, Long.MIN_VALUE, Long.MAX_VALUE & -4096}) {
      assertThat(io.status(command(2).nsid(1).blocks(0, 1).prp(bad, 0))).isEqualTo(0x004);
      assertThat(io.status(command(2).nsid(1).blocks(0, 16).prp(data.iova(), bad)))
          .isEqualTo(0x004);
      assertThat(io.status(command(2).nsid(1).blocks(0, 24).prp(data.iova(), bad)))
          .isEqualTo(0x004);
      list.u64(0, data.iova() + PAGE);
      list.u64(8, bad);
      assertThat(io.status(command(2).nsid(1).blocks(0, 24).prp(data.iova(), list.iova())))
          .isEqualTo(0x004);
    }
    assertThat(data.has(0x55)).as("nothing moved").isTrue();
    RawHost.Buffer odd = new RawHost.Buffer(host.arena.allocate(700, 4096), 0);
    long iova = host.device.dma().map(odd.memory());
    io.ok(command(2).nsid(1).blocks(0, 1).prp(iova, 0));
    assertThat(io.status(command(2).nsid(1).blocks(0, 2).prp(iova, 0)))
        .as("runs past its range")
        .isEqualTo(0x004);
    host.device.dma().unmap(iova);
    assertThat(io.status(command(2).nsid(1).blocks(0, 1).prp(iova, 0))).isEqualTo(0x004);
  }

  @Test
  void prp_closedOrReadOnlyMemoryIsATransferError() throws IOException {
    RawHost.Buffer list = host.buffer(PAGE);
    long data;
    long lists;
    try (Arena arena = Arena.ofShared()) {
      data = host.device.dma().map(arena.allocate(PAGE, PAGE));
      lists = host.device.dma().map(arena.allocate(PAGE, PAGE));
    }
    for (int opcode : new int[] {1, 2, 5, 9}) {
      assertThat(io.status(command(opcode).nsid(1).blocks(0, 1).prp(data, 0))).isEqualTo(0x004);
    }
    assertThat(io.status(command(2).nsid(1).blocks(0, 24).prp(list.iova(), lists)))
        .isEqualTo(0x004);
    assertThat(host.admin().status(command(6).cdw(10, 1).prp(data, 0))).isEqualTo(0x004);
    long readOnly = host.device.dma().map(host.arena.allocate(PAGE, PAGE).asReadOnly());
    assertThat(io.status(command(2).nsid(1).blocks(0, 1).prp(readOnly, 0))).isEqualTo(0x004);
    io.ok(command(1).nsid(1).blocks(0, 1).prp(readOnly, 0));
    assertThat(host.admin().status(command(6).cdw(10, 1).prp(readOnly, 0))).isEqualTo(0x004);
  }

  @Test
  void map_refusesMemoryThatTheDeviceCannotReach() {
    assertThatThrownBy(() -> host.device.dma().map(MemorySegment.ofArray(new byte[10])))
        .isInstanceOf(IllegalArgumentException.class);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment confined = arena.allocate(PAGE, PAGE);
      assertThatThrownBy(() -> host.device.dma().map(confined))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("confined");
    }
  }

  @Test
  void map_addressHasTheOffsetOfTheMemory() throws IOException {
    MemorySegment memory = host.arena.allocate(3 * PAGE, PAGE);
    for (int offset : new int[] {0, 1, 64, 4095}) {
      long iova = host.device.dma().map(memory.asSlice(offset, PAGE));
      assertThat(iova & 4095).isEqualTo(offset);
    }
  }

  // ---- SGL.

  private static final int DATA = 0;
  private static final int SEGMENT = 2;
  private static final int LAST = 3;

  private static long word(int type, long length) {
    return (long) type << 60 | length;
  }

  private static void descriptor(
      RawHost.Buffer list, int index, int type, long address, long length) {
    list.u64(index * 16L, address);
    list.u64(index * 16L + 8, word(type, length));
  }

  private RawHost.Command sgl(int blocks, int type, long address, long length) {
    return command(2).nsid(1).blocks(0, blocks).flags(0x40).prp(address, word(type, length));
  }

  @Test
  void sgl_segmentsAreFollowed() throws IOException {
    RawHost.Buffer data = host.buffer(PAGE);
    RawHost.Buffer list = host.buffer(PAGE);
    descriptor(list, 0, DATA, data.iova() + 1001, 500);
    descriptor(list, 1, DATA, data.iova(), 0);
    descriptor(list, 2, SEGMENT, list.iova() + 10 * 16, 2 * 16);
    descriptor(list, 10, DATA, data.iova() + 3, 12);
    descriptor(list, 11, LAST, list.iova() + 20 * 16, 16);
    descriptor(list, 20, DATA, data.iova() + 2000, 512);
    io.ok(sgl(2, SEGMENT, list.iova(), 3 * 16));
    MemorySegment expected = stored.memory();
    assertThat(data.memory().asSlice(1001, 500).mismatch(expected.asSlice(0, 500))).isEqualTo(-1);
    assertThat(data.memory().asSlice(3, 12).mismatch(expected.asSlice(500, 12))).isEqualTo(-1);
    assertThat(data.memory().asSlice(2000, 512).mismatch(expected.asSlice(512, 512))).isEqualTo(-1);
    io.ok(sgl(1, LAST, list.iova() + 20 * 16, 16).flags(0x80));
  }

  @Test
  void sgl_badDescriptorsAreRefused() throws IOException {
    RawHost.Buffer data = host.buffer(PAGE);
    RawHost.Buffer list = host.buffer(PAGE);
    for (int type : new int[] {1, 4, 5, 6, 0xF}) {
      assertThat(io.refused(sgl(1, type, data.iova(), 512))).isEqualTo(0x011);
      descriptor(list, 0, type, data.iova(), 512);
      assertThat(io.refused(sgl(1, LAST, list.iova(), 16))).isEqualTo(0x011);
    }
    assertThat(io.refused(sgl(1, DATA, 0, 0).prp(data.iova(), 1L << 56 | 512)))
        .as("sub type: offset")
        .isEqualTo(0x011);
    assertThat(io.refused(sgl(1, DATA, data.iova(), 511))).isEqualTo(0x00F);
    assertThat(io.refused(sgl(1, DATA, data.iova(), 513))).isEqualTo(0x00F);
    assertThat(io.refused(sgl(1, LAST, list.iova(), 0))).isEqualTo(0x00D);
    assertThat(io.refused(sgl(1, LAST, list.iova(), 24))).isEqualTo(0x00D);
    assertThat(io.status(sgl(1, DATA, 0, 512))).isEqualTo(0x004);
    assertThat(io.status(sgl(1, LAST, 0x5000, 16))).isEqualTo(0x004);
    assertThat(io.status(sgl(1, LAST, list.iova(), 2 * PAGE))).isEqualTo(0x004);

    descriptor(list, 0, LAST, list.iova(), 16);
    assertThat(io.refused(sgl(1, LAST, list.iova(), 16))).isEqualTo(0x00D);
    descriptor(list, 1, DATA, data.iova(), 512);
    assertThat(io.refused(sgl(1, LAST, list.iova(), 32))).as("not at the end").isEqualTo(0x00E);
    descriptor(list, 0, DATA, data.iova(), 512);
    assertThat(io.refused(sgl(1, SEGMENT, list.iova(), 16))).as("no next").isEqualTo(0x00D);
    descriptor(list, 0, SEGMENT, list.iova(), 16);
    assertThat(io.refused(sgl(1, SEGMENT, list.iova(), 16))).as("endless").isEqualTo(0x00E);
  }

  @Test
  void sgl_isRefusedByAControllerWithoutThem() throws IOException {
    try (RawHost without = RawHost.start("mem:8MiB?sgl=off")) {
      RawHost.Buffer data = without.buffer(PAGE);
      RawHost.Queue queue = without.io();
      assertThat(queue.refused(sgl(1, DATA, data.iova(), 512)))
          .as("Invalid Field")
          .isEqualTo(0x002);
      queue.ok(command(2).nsid(1).blocks(0, 1).prp(data.iova(), 0));
    }
  }

  @Test
  void sgl_isRefusedIfItIsNotOfDwords() throws IOException {
    try (RawHost dwords = RawHost.start("mem:8MiB?sgl=dword")) {
      RawHost.Buffer data = dwords.buffer(PAGE);
      RawHost.Buffer list = dwords.buffer(PAGE);
      RawHost.Queue queue = dwords.io();
      assertThat(queue.refused(sgl(1, DATA, data.iova() + 2, 512))).isEqualTo(0x01E);
      descriptor(list, 0, DATA, data.iova(), 254);
      descriptor(list, 1, DATA, data.iova() + 1024, 258);
      assertThat(queue.refused(sgl(1, LAST, list.iova(), 32))).isEqualTo(0x01E);
      descriptor(list, 0, DATA, data.iova() + 4, 252);
      descriptor(list, 1, DATA, data.iova() + 1024, 260);
      queue.ok(sgl(1, LAST, list.iova(), 32));
    }
  }
}
