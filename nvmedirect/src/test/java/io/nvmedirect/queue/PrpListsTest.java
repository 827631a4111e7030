package io.nvmedirect.queue;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.Sqe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The rules of NVMe 1.4, section 4.3, figure 107. */
class PrpListsTest {

  private static final long PAGE = 4096;

  /** 1026 pages: the entries of their list are in three pages. */
  private static final long BUFFER_BYTES = 1026 * PAGE;

  private final MemorySegment sq = Arena.ofAuto().allocate(Sqe.BYTES, 8);
  private final FakeFunction function = new FakeFunction();
  private PrpLists lists;
  private DmaBuffer buffer;

  @BeforeEach
  void open() throws IOException {
    lists = new PrpLists(function, 4);
    buffer = DmaBuffer.allocate(function, BUFFER_BYTES);
  }

  @AfterEach
  void close() {
    buffer.close();
    lists.close();
  }

  private void describe(int slot, long offset, long length) {
    lists.describe(sq, 0, slot, buffer, offset, length);
    assertThat(Sqe.prp1(sq, 0)).isEqualTo(buffer.iova(offset));
  }

  /** What a controller finds at PRP2, which is the address of a list. */
  private List<Long> entries(int count) {
    MemorySegment memory = function.memory(Sqe.prp2(sq, 0));
    List<Long> entries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      entries.add(
          memory.get(
              ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN), (long) i * Long.BYTES));
    }
    return entries;
  }

  private List<Long> pages(long first, long count) {
    return LongStream.range(first, first + count)
        .mapToObj(page -> buffer.iova(page * PAGE))
        .toList();
  }

  private boolean isSlots(int slot) {
    return Sqe.prp2(sq, 0) == lists.iova(slot * PAGE);
  }

  @Test
  void onePage_hasNoPrp2() {
    describe(0, 0, 4096);
    assertThat(Sqe.prp2(sq, 0)).isZero();
    describe(0, 0xE00, 512);
    assertThat(Sqe.prp2(sq, 0)).isZero();
  }

  @Test
  void twoPages_areInPrp2() {
    describe(0, 0, 8192);
    assertThat(Sqe.prp2(sq, 0)).isEqualTo(buffer.iova(PAGE));
    describe(0, 0xE04, 512);
    assertThat(Sqe.prp2(sq, 0)).isEqualTo(buffer.iova(PAGE));
    describe(0, 0xFFC, 4100);
    assertThat(Sqe.prp2(sq, 0)).isEqualTo(buffer.iova(PAGE));
  }

  @Test
  void threePages_areInTheBuffersList() {
    describe(2, 0xFFC, 4 + 4096 + 4);
    assertThat(entries(2)).isEqualTo(pages(1, 2));
    long list = Sqe.prp2(sq, 0);
    describe(3, 7 * PAGE, 5 * PAGE);
    assertThat(Sqe.prp2(sq, 0)).as("a part of the same list").isEqualTo(list + 7 * Long.BYTES);
    assertThat(entries(4)).isEqualTo(pages(8, 4));
    assertThat(function.mapped()).as("the slots' lists, the buffer and its list").isEqualTo(3);
  }

  @Test
  void lastPageOfAList_needsNoNext() {
    describe(0, 508 * PAGE, 4 * PAGE);
    assertThat(isSlots(0)).isFalse();
    assertThat(entries(3)).isEqualTo(pages(509, 3));
  }

  @Test
  void entriesInTwoPages_areInTheSlotsList() {
    describe(2, 509 * PAGE, 5 * PAGE);
    assertThat(isSlots(2)).isTrue();
    assertThat(entries(4)).isEqualTo(pages(510, 4));
  }

  @Test
  void largestTransfer_atAnyOffset_fillsTheSlotsListAndNoMore() {
    describe(0, 0xFFC, PrpLists.MAX_TRANSFER_BYTES);
    assertThat(isSlots(0)).isTrue();
    assertThat(entries(512)).isEqualTo(pages(1, 512));
    MemorySegment next = lists.memory().asSlice(PAGE, Long.BYTES);
    assertThat(next.get(ValueLayout.JAVA_LONG, 0)).as("the next slot's list").isZero();
  }

  @Test
  void largestTransfer_ofWholePages_isInTheBuffersList() {
    describe(0, 511 * PAGE, PrpLists.MAX_TRANSFER_BYTES);
    assertThat(isSlots(0)).isFalse();
    assertThat(entries(511)).isEqualTo(pages(512, 511));
  }

  @Test
  void memoryThatBeginsInAPage_countsFromThere() throws IOException {
    MemorySegment memory = Arena.ofAuto().allocate(5 * PAGE, PAGE).asSlice(512, 4 * PAGE);
    DmaBuffer mapped = DmaBuffer.map(function, memory);
    long first = mapped.iova(0) - 512;
    lists.describe(sq, 0, 0, mapped, 0, 4 * PAGE);
    assertThat(Sqe.prp1(sq, 0)).isEqualTo(first + 512);
    assertThat(entries(4))
        .containsExactly(first + PAGE, first + 2 * PAGE, first + 3 * PAGE, first + 4 * PAGE);
    mapped.close();
  }

  @Test
  void bufferWithoutAList_usesTheSlots() {
    function.refuses = true;
    describe(1, 0, 3 * PAGE);
    assertThat(isSlots(1)).isTrue();
    assertThat(entries(2)).isEqualTo(pages(1, 2));
  }

  @Test
  void close_unmapsTheList() {
    describe(0, 0, 3 * PAGE);
    buffer.close();
    lists.close();
    assertThat(function.mapped()).isZero();
  }
}
