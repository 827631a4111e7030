package io.nvmedirect.emulator;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** A data structure that the device composes for the host: little-endian fields at byte offsets. */
final class Bytes {

  static final int PAGE_BYTES = 4096;

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  final MemorySegment memory = Arena.ofAuto().allocate(PAGE_BYTES, 8);

  /** All bytes are zero. */
  Bytes clear() {
    memory.fill((byte) 0);
    return this;
  }

  Bytes u8(int offset, int value) {
    memory.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    return this;
  }

  Bytes u16(int offset, int value) {
    memory.set(U16, offset, (short) value);
    return this;
  }

  Bytes u32(int offset, int value) {
    memory.set(U32, offset, value);
    return this;
  }

  Bytes u64(int offset, long value) {
    memory.set(U64, offset, value);
    return this;
  }

  /** Big-endian, as identifiers are. */
  Bytes u64BigEndian(int offset, long value) {
    return u64(offset, Long.reverseBytes(value));
  }

  /** ASCII, padded on the right with spaces. */
  Bytes text(int offset, int length, String text) {
    byte[] ascii = text.getBytes(US_ASCII);
    for (int i = 0; i < length; i++) {
      u8(offset + i, i < ascii.length ? ascii[i] : ' ');
    }
    return this;
  }

  /** ASCII, with zeroes behind it. */
  Bytes terminated(int offset, String text) {
    byte[] ascii = text.getBytes(US_ASCII);
    for (int i = 0; i < ascii.length; i++) {
      u8(offset + i, ascii[i]);
    }
    return this;
  }
}
