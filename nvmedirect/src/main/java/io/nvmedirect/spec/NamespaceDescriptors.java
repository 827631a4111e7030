package io.nvmedirect.spec;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The Namespace Identification Descriptor list (NVMe 1.4, figure 249). An identifier that the
 * controller does not report is {@code null}.
 *
 * @param eui64 16 hexadecimal digits
 * @param nguid 32 hexadecimal digits
 * @param uuid RFC 4122
 */
public record NamespaceDescriptors(
    @Nullable String eui64, @Nullable String nguid, @Nullable UUID uuid) {

  private static final int TYPE_EUI64 = 1;
  private static final int TYPE_NGUID = 2;
  private static final int TYPE_UUID = 3;

  /** Decodes the 4096 bytes of CNS 03h. */
  public static NamespaceDescriptors decode(MemorySegment data) {
    String eui64 = null;
    String nguid = null;
    UUID uuid = null;
    for (long offset = 0; offset + 4 <= data.byteSize(); ) {
      int type = Wire.u8(data, offset);
      int length = Wire.u8(data, offset + 1);
      long value = offset + 4;
      if (type == 0 || value + length > data.byteSize()) {
        break;
      }
      if (type == TYPE_EUI64 && length == 8) {
        eui64 = HexFormat.of().formatHex(Wire.bytes(data, value, 8));
      } else if (type == TYPE_NGUID && length == 16) {
        nguid = HexFormat.of().formatHex(Wire.bytes(data, value, 16));
      } else if (type == TYPE_UUID && length == 16) {
        uuid =
            new UUID(
                Long.reverseBytes(Wire.u64(data, value)),
                Long.reverseBytes(Wire.u64(data, value + 8)));
      }
      offset = value + length;
    }
    return new NamespaceDescriptors(eui64, nguid, uuid);
  }
}
