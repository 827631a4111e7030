package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class IovaSpaceTest {

  private static final long PAGE = 4096;
  private static final long MIB = 1 << 20;

  private static IovaSpace space(long... bounds) {
    List<IovaSpace.Range> ranges = new java.util.ArrayList<>();
    for (int i = 0; i < bounds.length; i += 2) {
      ranges.add(new IovaSpace.Range(bounds[i], bounds[i + 1]));
    }
    return new IovaSpace(ranges);
  }

  @Test
  void take_leavesAPageBetween() throws Exception {
    IovaSpace space = space(0, 16 * MIB - 1);
    long first = space.take(PAGE, PAGE, 0);
    assertThat(first).as("not at 0").isEqualTo(MIB);
    assertThat(space.take(PAGE, PAGE, 0)).isEqualTo(first + 2 * PAGE);
  }

  @Test
  void take_alignsToThePlaceInAHugePage() throws Exception {
    IovaSpace space = space(0, (1L << 39) - 1);
    space.take(PAGE, PAGE, 0);
    long huge = space.take(4 * MIB, 2 * MIB, 5 * PAGE);
    assertThat(huge % (2 * MIB)).isEqualTo(5 * PAGE);
  }

  @Test
  void take_stepsOverWhatTheIommuCannotTranslate() throws Exception {
    // As on a PC: the window of message-signalled interrupts is missing.
    IovaSpace space = space(0, 0xfedf_ffffL, 0xfef0_0000L, (1L << 39) - 1);
    long most = 0xfee0_0000L - MIB - PAGE;
    assertThat(space.take(most, PAGE, 0)).isEqualTo(MIB);
    assertThat(space.take(PAGE * 2, PAGE, 0)).isEqualTo(0xfef0_0000L);
  }

  @Test
  void give_isReusedOnlyAfterAllElse() throws Exception {
    IovaSpace space = space(0, 2 * MIB - 1);
    long first = space.take(PAGE, PAGE, 0);
    space.give(first);
    int others = 0;
    long next;
    while ((next = space.take(PAGE, PAGE, 0)) != first) {
      assertThat(next).isGreaterThan(first);
      space.give(next);
      others++;
    }
    assertThat(others).isEqualTo(127);
  }

  @Test
  void take_full_saysSo() throws Exception {
    IovaSpace space = space(MIB, 2 * MIB - 1);
    space.take(MIB, PAGE, 0);
    assertThatThrownBy(() -> space.take(PAGE, PAGE, 0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("4096 bytes");
    space.give(MIB);
    assertThat(space.take(MIB, PAGE, 0)).isEqualTo(MIB);
  }

  @Test
  void take_random_neverOverlaps() throws Exception {
    long[] bounds = {0, 0x1ff_ffffL, 0x210_0000L, 0x400_0000L - 1};
    IovaSpace space = space(bounds);
    TreeMap<Long, Long> live = new TreeMap<>();
    Random random = new Random(42);
    int taken = 0;
    for (int i = 0; i < 100_000; i++) {
      if (random.nextInt(100) < 52) {
        long bytes = PAGE * (1 + random.nextInt(random.nextInt(10) == 0 ? 700 : 8));
        long alignment = random.nextBoolean() ? PAGE : 2 * MIB;
        long remainder = PAGE * random.nextInt((int) (alignment / PAGE));
        long at;
        try {
          at = space.take(bytes, alignment, remainder);
        } catch (IOException e) {
          continue;
        }
        taken++;
        assertThat(at & (alignment - 1)).isEqualTo(remainder);
        assertThat(at).isGreaterThanOrEqualTo(MIB);
        Map.Entry<Long, Long> below = live.floorEntry(at);
        Map.Entry<Long, Long> above = live.ceilingEntry(at);
        assertThat(below == null || below.getValue() < at).isTrue();
        assertThat(above == null || at + bytes < above.getKey()).isTrue();
        assertThat(at + bytes - 1 <= bounds[1] || at >= bounds[2]).isTrue();
        assertThat(at + bytes - 1).isLessThanOrEqualTo(bounds[3]);
        live.put(at, at + bytes);
      } else if (!live.isEmpty()) {
        Long at = live.ceilingKey((long) random.nextInt(0x400_0000));
        if (at != null) {
          live.remove(at);
          space.give(at);
        }
      }
    }
    assertThat(taken).isGreaterThan(10_000);
  }
}
