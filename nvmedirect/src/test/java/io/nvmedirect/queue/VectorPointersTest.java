package io.nvmedirect.queue;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaRegistry;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.Sqe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The rules of NVMe 1.4, sections 4.3 and 4.4, on buffers at fixed I/O virtual addresses. */
class VectorPointersTest {

  /** The first two buffers that a FakeFunction maps; a page stays free behind each. */
  private static final long LISTS_IOVA = 0x10_0000;

  private static final long BUFFER_IOVA = LISTS_IOVA + 5 * 4096;

  private static final int NO_SGL = 0;

  private final MemorySegment sq = Arena.ofAuto().allocate(Sqe.BYTES, 8);
  private final FakeFunction function = new FakeFunction();
  private final DmaRegistry registry = new DmaRegistry(function);
  private final DmaVector data = new DmaVector();
  private PrpLists lists;
  private VectorPointers pointers;
  private DmaBuffer buffer;

  @BeforeEach
  void open() throws IOException {
    lists = new PrpLists(function, 4);
    pointers = new VectorPointers(lists);
    buffer = registry.allocate(4 << 20);
    assertThat(buffer.iova(0)).isEqualTo(BUFFER_IOVA);
  }

  @AfterEach
  void close() {
    data.release();
    buffer.close();
    lists.close();
    assertThat(function.unmapped).hasSize(2);
  }

  private void add(long offset, long length) {
    assertThat(data.add(registry, buffer.segment().asSlice(offset, length), 1)).isTrue();
  }

  private long fit(long offset, long most, int sglAlignment) {
    return VectorPointers.fit(data, offset, most, 512, sglAlignment);
  }

  private String entry() {
    return HexFormat.ofDelimiter(" ").formatHex(sq.asSlice(24, 16).toArray(ValueLayout.JAVA_BYTE));
  }

  private String list(int slot, long bytes) {
    byte[] list = lists.memory().asSlice(slot * 4096L, bytes).toArray(ValueLayout.JAVA_BYTE);
    return HexFormat.ofDelimiter(" ").formatHex(list);
  }

  private void describe(int slot, long offset, long length) {
    Sqe.read(sq, 0, 1, 0, 1, 0);
    pointers.describe(sq, 0, slot, data, offset, length);
  }

  // ---- PRPs.

  @Test
  void pagesAnywhere_areOnePrpList() {
    add(0x5E00, 0x200);
    add(0x3000, 0x2000);
    add(0x8000, 0x1000);
    add(0x1000, 0x400);
    assertThat(fit(0, 0x3600, NO_SGL)).isEqualTo(0x3600);
    assertThat(fit(0, 0x3600, 1)).isEqualTo(0x3600);
    describe(2, 0, 0x3600);
    assertThat(Sqe.psdt(sq, 0)).isZero();
    // PRP1 0x10_5000 + 0x5E00; the list is in the page of slot 2.
    assertThat(entry()).isEqualTo("00 ae 10 00 00 00 00 00 00 20 10 00 00 00 00 00");
    assertThat(list(2, 40))
        .isEqualTo(
            "00 80 10 00 00 00 00 00 "
                + "00 90 10 00 00 00 00 00 "
                + "00 d0 10 00 00 00 00 00 "
                + "00 60 10 00 00 00 00 00 "
                + "00 00 00 00 00 00 00 00");
  }

  @Test
  void twoPages_areInTheEntry() {
    add(0x5FFC, 4);
    add(0x3000, 0x1FC);
    assertThat(fit(0, 512, NO_SGL)).isEqualTo(512);
    describe(0, 0, 512);
    assertThat(entry()).isEqualTo("fc af 10 00 00 00 00 00 00 80 10 00 00 00 00 00");
  }

  @Test
  void onePage_hasNoPrp2() {
    add(0x5E00, 0x200);
    add(0x3001, 0x200);
    describe(0, 0, 0x200);
    assertThat(entry()).isEqualTo("00 ae 10 00 00 00 00 00 00 00 00 00 00 00 00 00");
  }

  @Test
  void partOfAVector_beginsAndEndsWithinPieces() {
    add(0x1000, 0x4000);
    add(0x9000, 0x4000);
    describe(1, 0x2200, 0x3000);
    // From 0x10_5000 + 0x3200 to 0x10_5000 + 0xA200.
    assertThat(entry()).isEqualTo("00 82 10 00 00 00 00 00 00 10 10 00 00 00 00 00");
    assertThat(list(1, 32))
        .isEqualTo(
            "00 90 10 00 00 00 00 00 "
                + "00 e0 10 00 00 00 00 00 "
                + "00 f0 10 00 00 00 00 00 "
                + "00 00 00 00 00 00 00 00");
  }

  @Test
  void largestTransfer_fillsTheListAndNoMore() {
    add(0x1FFC, 4);
    for (int page = 511; page >= 1; page--) {
      add(0x3000 + page * 0x2000L % 0x3F_8000 / 0x1000 * 0x1000, 0x1000);
    }
    add(0x2000, 0xFFC);
    long most = PrpLists.MAX_TRANSFER_BYTES;
    assertThat(data.byteSize()).isEqualTo(most);
    assertThat(fit(0, most, NO_SGL)).isEqualTo(most);
    describe(0, 0, most);
    List<Long> last = new ArrayList<>();
    for (int i = 510; i < 513; i++) {
      last.add(lists.memory().get(ValueLayout.JAVA_LONG, i * 8L));
    }
    assertThat(last.get(1)).as("the 512th").isEqualTo(BUFFER_IOVA + 0x2000);
    assertThat(last.get(2)).as("the next slot's").isZero();
  }

  @Test
  void piecesWithinPages_areCommandsOfTheirOwn() {
    add(0x1000, 0x400);
    add(0x3000, 0x1000);
    add(0x5000, 0x600);
    add(0x7200, 0x200);
    assertThat(fit(0, 0x1C00, NO_SGL)).as("ends within a page").isEqualTo(0x400);
    assertThat(fit(0x400, 0x1800, NO_SGL))
        .as("two pages, of which the last is partial")
        .isEqualTo(0x1600);
    assertThat(fit(0x400, 0x600, NO_SGL)).as("as much as is asked for").isEqualTo(0x600);
    assertThat(fit(0x1A00, 0x200, NO_SGL)).as("begins within a page").isEqualTo(0x200);
  }

  @Test
  void piecesThatAreNoBlocks_needACopyWithoutSgls() {
    add(0x1000, 0x201);
    add(0x3000, 0x3FF);
    assertThat(fit(0, 0x600, NO_SGL)).isEqualTo(0x200);
    assertThat(fit(0x200, 0x400, NO_SGL)).isZero();
    assertThat(fit(0x400, 0x200, NO_SGL)).as("at an odd address").isZero();
    assertThat(fit(0x200, 0x400, 4)).isZero();
    assertThat(fit(0x200, 0x400, 1)).isEqualTo(0x400);
  }

  // ---- SGLs.

  @Test
  void piecesOfAnyLength_areOneSegment() {
    add(0x1001, 0x201);
    add(0x3003, 0x3FF);
    assertThat(fit(0, 0x600, 1)).isEqualTo(0x600);
    describe(3, 0, 0x600);
    assertThat(Sqe.psdt(sq, 0)).isEqualTo(1);
    assertThat(entry()).isEqualTo("00 30 10 00 00 00 00 00 20 00 00 00 00 00 00 30");
    assertThat(list(3, 32))
        .isEqualTo(
            "01 60 10 00 00 00 00 00 01 02 00 00 00 00 00 00 "
                + "03 80 10 00 00 00 00 00 ff 03 00 00 00 00 00 00");
  }

  @Test
  void onePieceAtAnOddAddress_isInTheEntry() {
    add(0x1001, 0x1000);
    assertThat(fit(0, 0x1000, 1)).isEqualTo(0x1000);
    assertThat(fit(0, 0x1000, 4)).isZero();
    describe(0, 0x200, 0xE00);
    assertThat(Sqe.psdt(sq, 0)).isEqualTo(1);
    assertThat(entry()).isEqualTo("01 62 10 00 00 00 00 00 00 0e 00 00 00 00 00 00");
  }

  @Test
  void dwordAlignment_isThatOfAddressAndLength() {
    add(0x1004, 0x1FC);
    add(0x3008, 0x404);
    assertThat(fit(0, 0x600, 4)).isEqualTo(0x600);
    describe(0, 0x200, 0x400);
    assertThat(entry()).as("one piece of it: by PRP").startsWith("0c 80 10 00");
    data.release();
    add(0x1004, 0x2FE);
    add(0x3008, 0x302);
    assertThat(fit(0, 0x600, 4)).as("up to the odd length").isEqualTo(0x200);
    data.release();
    add(0x1004, 0x200);
    add(0x3008, 0x100);
    add(0x5002, 0x300);
    assertThat(fit(0, 0x600, 4)).as("up to the odd address").isEqualTo(0x200);
  }

  @Test
  void moreThanASegmentHolds_isSplitAtABlock() {
    for (int i = 0; i < 300; i++) {
      add(0x1000 + i * 0x400L, 0x180);
    }
    long size = 300 * 0x180;
    // 256 descriptors have 192 blocks.
    assertThat(fit(0, size / 512 * 512, 1)).isEqualTo(256 * 0x180);
    assertThat(fit(256 * 0x180, size / 512 * 512 - 256 * 0x180, 1))
        .isEqualTo(44 * 0x180 / 512 * 512);
    describe(0, 0, 256 * 0x180);
    assertThat(entry()).isEqualTo("00 00 10 00 00 00 00 00 00 10 00 00 00 00 00 30");
    assertThat(list(1, 16)).as("the next slot's").isEqualTo("00 ".repeat(15) + "00");
  }

  @Test
  void blockOfMorePiecesThanASegmentHolds_needsACopy() {
    for (int i = 0; i < 512; i++) {
      add(0x1000 + i * 2L, 1);
    }
    assertThat(fit(0, 512, 1)).isZero();
  }

  @Test
  void neighbours_areOnePiece() {
    add(0x1000, 0x100);
    add(0x1100, 0x100);
    assertThat(data.pieces()).isEqualTo(1);
    assertThat(fit(0, 512, NO_SGL)).isEqualTo(512);
  }
}
