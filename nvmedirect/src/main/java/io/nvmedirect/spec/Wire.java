package io.nvmedirect.spec;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteOrder;

/** Little-endian fields of the data structures that a controller returns; for cold paths. */
final class Wire {

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Wire() {}

  static int u8(MemorySegment data, long offset) {
    return data.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
  }

  static int u16(MemorySegment data, long offset) {
    return data.get(U16, offset) & 0xFFFF;
  }

  static int s32(MemorySegment data, long offset) {
    return data.get(U32, offset);
  }

  static long u32(MemorySegment data, long offset) {
    return data.get(U32, offset) & 0xFFFF_FFFFL;
  }

  static long u64(MemorySegment data, long offset) {
    return data.get(U64, offset);
  }

  /** An unsigned 128-bit counter. */
  static BigInteger u128(MemorySegment data, long offset) {
    byte[] bigEndian = new byte[16];
    for (int i = 0; i < 16; i++) {
      bigEndian[15 - i] = data.get(ValueLayout.JAVA_BYTE, offset + i);
    }
    return new BigInteger(1, bigEndian);
  }

  /** An ASCII string, without the spaces or zeroes that pad it on the right. */
  static String ascii(MemorySegment data, long offset, int length) {
    byte[] bytes = bytes(data, offset, length);
    int end = length;
    while (end > 0 && (bytes[end - 1] == ' ' || bytes[end - 1] == 0)) {
      end--;
    }
    return new String(bytes, 0, end, US_ASCII);
  }

  static byte[] bytes(MemorySegment data, long offset, int length) {
    return data.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
  }
}
