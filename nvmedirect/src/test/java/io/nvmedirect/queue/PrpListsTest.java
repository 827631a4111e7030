package io.nvmedirect.queue;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.spec.Sqe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rules of NVMe 1.4, section 4.3, figure 107. */
class PrpListsTest {

  /** The first buffer that a FakeFunction maps. */
  private static final long LISTS_IOVA = 0x10_0000;

  private final MemorySegment sq = Arena.ofAuto().allocate(Sqe.BYTES, 8);

  private void describe(PrpLists lists, int slot, long iova, long length) {
    lists.describe(sq, 0, slot, iova, length);
  }

  @Test
  void onePage_hasNoPrp2() throws IOException {
    PrpLists lists = new PrpLists(new FakeFunction(), 4);
    describe(lists, 0, 0x7000_0000L, 4096);
    assertThat(Sqe.prp1(sq, 0)).isEqualTo(0x7000_0000L);
    assertThat(Sqe.prp2(sq, 0)).isZero();
    describe(lists, 0, 0x7000_0E00L, 512);
    assertThat(Sqe.prp1(sq, 0)).isEqualTo(0x7000_0E00L);
    assertThat(Sqe.prp2(sq, 0)).isZero();
    lists.close();
  }

  @Test
  void twoPages_areInPrp2() throws IOException {
    PrpLists lists = new PrpLists(new FakeFunction(), 4);
    describe(lists, 0, 0x7000_0000L, 8192);
    assertThat(Sqe.prp2(sq, 0)).isEqualTo(0x7000_1000L);
    describe(lists, 0, 0x7000_0E04L, 512);
    assertThat(Sqe.prp1(sq, 0)).isEqualTo(0x7000_0E04L);
    assertThat(Sqe.prp2(sq, 0)).isEqualTo(0x7000_1000L);
    describe(lists, 0, 0x7000_0FFCL, 4100);
    assertThat(Sqe.prp2(sq, 0)).isEqualTo(0x7000_1000L);
    lists.close();
  }

  @Test
  void threePages_areInTheSlotsList() throws IOException {
    FakeFunction function = new FakeFunction();
    PrpLists lists = new PrpLists(function, 4);
    describe(lists, 2, 0x7000_0FFCL, 4 + 4096 + 4);
    assertThat(Sqe.prp1(sq, 0)).isEqualTo(0x7000_0FFCL);
    assertThat(Sqe.prp2(sq, 0)).isEqualTo(LISTS_IOVA + 2 * 4096);
    assertThat(entries(lists, 2, 2)).containsExactly(0x7000_1000L, 0x7000_2000L);
    lists.close();
    assertThat(function.unmapped).containsExactly(LISTS_IOVA);
  }

  @Test
  void largestTransfer_atAnyOffset_fillsTheListAndNoMore() throws IOException {
    PrpLists lists = new PrpLists(new FakeFunction(), 2);
    describe(lists, 0, 0x7000_0FFCL, PrpLists.MAX_TRANSFER_BYTES);
    List<Long> expected = new ArrayList<>();
    for (int page = 1; page <= 512; page++) {
      expected.add(0x7000_0000L + page * 4096L);
    }
    assertThat(entries(lists, 0, 512)).isEqualTo(expected);
    assertThat(entries(lists, 1, 1)).as("the next slot's list").containsExactly(0L);
    lists.close();
  }

  private static List<Long> entries(PrpLists lists, int slot, int count) {
    List<Long> entries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      entries.add(lists.memory().get(ValueLayout.JAVA_LONG, slot * 4096L + i * 8L));
    }
    return entries;
  }
}
