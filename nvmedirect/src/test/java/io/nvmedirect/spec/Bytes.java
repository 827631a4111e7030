package io.nvmedirect.spec;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;

/** Bytes as hexadecimal text; spaces are for the reader. */
final class Bytes {

  private Bytes() {}

  static byte[] of(String hex) {
    return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
  }

  static String hex(MemorySegment segment) {
    return HexFormat.of().formatHex(segment.toArray(ValueLayout.JAVA_BYTE));
  }

  /** A zeroed structure with some bytes set, as pairs of offset and hexadecimal text. */
  static MemorySegment structure(int size, Object... offsetsAndHex) {
    MemorySegment segment = Arena.ofAuto().allocate(size, 8);
    for (int i = 0; i < offsetsAndHex.length; i += 2) {
      byte[] bytes = of((String) offsetsAndHex[i + 1]);
      MemorySegment.copy(
          bytes, 0, segment, ValueLayout.JAVA_BYTE, (Integer) offsetsAndHex[i], bytes.length);
    }
    return segment;
  }
}
