package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CheckedBlocksTest {

  private static final int UNIT = 512;
  private static final int LENGTH = 4 * UNIT;
  private static final long OFFSET = 1 << 20;

  private final NullIo io =
      new NullIo(
          1,
          LENGTH,
          new BlockIo.Listener() {
            @Override
            public void completed(int slot) {}

            @Override
            public void failed(int slot, IOException reason) {}
          });
  private final MemorySegment buffer = io.buffer(0);
  private final CheckedBlocks blocks = new CheckedBlocks(7, UNIT, OFFSET, 1, io);

  @Test
  void check_whatFillWrote_isRight() throws IOException {
    blocks.fill(0, LENGTH, OFFSET + LENGTH);
    blocks.check(0, LENGTH, OFFSET + LENGTH);
    assertThat(blocks.checked()).isEqualTo(4);
  }

  @Test
  void fill_twice_differs() {
    blocks.fill(0, LENGTH, OFFSET);
    byte[] first = buffer.toArray(ValueLayout.JAVA_BYTE);
    blocks.fill(0, LENGTH, OFFSET);
    assertThat(buffer.toArray(ValueLayout.JAVA_BYTE)).isNotEqualTo(first);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 7, 8, 15, 16, 23, 24, 27, 28, 31, 32, 33, 100, 511})
  void check_anyByteFlipped_isFoundWithItsPosition(int at) {
    blocks.fill(0, LENGTH, OFFSET);
    long where = 2L * UNIT + at;
    buffer.set(
        ValueLayout.JAVA_BYTE, where, (byte) (buffer.get(ValueLayout.JAVA_BYTE, where) ^ 0x10));
    assertThatIOException()
        .isThrownBy(() -> blocks.check(0, LENGTH, OFFSET))
        .withMessageStartingWith(
            "verify: the block of 512 bytes at position %d is wrong: ".formatted(OFFSET + 2 * UNIT))
        .withMessageContaining(at < 8 ? "no header" : "CRC-32C");
    assertThat(blocks.checked()).isEqualTo(2);
  }

  @Test
  void check_elsewhere_saysWhereItBelongs() {
    blocks.fill(0, LENGTH, OFFSET + 8192);
    assertThatIOException()
        .isThrownBy(() -> blocks.check(0, LENGTH, OFFSET))
        .withMessageContaining("belongs at position " + (OFFSET + 8192));
  }

  @Test
  void check_ofAnEarlierRun_isRightUnlessThisOneHasWrittenIt() throws IOException {
    new CheckedBlocks(6, UNIT, OFFSET, 1, io).fill(0, LENGTH, OFFSET);
    blocks.check(0, LENGTH, OFFSET);
    blocks.written(UNIT, OFFSET + UNIT);
    assertThatIOException()
        .isThrownBy(() -> blocks.check(0, LENGTH, OFFSET))
        .withMessageContaining("position " + (OFFSET + UNIT))
        .withMessageContaining("older than this run");
  }

  @Test
  void nextWritten_ascending() {
    blocks.written(2 * UNIT, OFFSET + 3 * UNIT);
    assertThat(blocks.nextWritten(OFFSET)).isEqualTo(OFFSET + 3 * UNIT);
    assertThat(blocks.nextWritten(OFFSET + 4 * UNIT)).isEqualTo(OFFSET + 4 * UNIT);
    assertThat(blocks.nextWritten(OFFSET + 5 * UNIT)).isEqualTo(-1);
  }

  /** A disk of several terabytes has more than 2^31 units of 512 bytes. */
  @ParameterizedTest
  @ValueSource(longs = {0, (1L << 31) - 2, 1L << 31, (1L << 33) + 5, (1L << 20) - 2})
  void written_anyUnit_isKnown(long unit) {
    long position = OFFSET + unit * UNIT;
    blocks.written(LENGTH, position);
    assertThat(blocks.nextWritten(OFFSET)).isEqualTo(position);
    assertThat(blocks.nextWritten(position + 3 * UNIT)).isEqualTo(position + 3 * UNIT);
    assertThat(blocks.nextWritten(position + LENGTH)).isEqualTo(-1);
    new CheckedBlocks(6, UNIT, OFFSET, 1, io).fill(0, UNIT, position + UNIT);
    assertThatIOException()
        .isThrownBy(() -> blocks.check(0, UNIT, position + UNIT))
        .withMessageContaining("older than this run");
    new CheckedBlocks(6, UNIT, OFFSET, 1, io).fill(0, UNIT, position + LENGTH);
    assertThatNoException().isThrownBy(() -> blocks.check(0, UNIT, position + LENGTH));
  }
}
