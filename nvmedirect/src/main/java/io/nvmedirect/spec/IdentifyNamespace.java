package io.nvmedirect.spec;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Identify Namespace (NVMe 1.4, figure 245).
 *
 * @param sizeBlocks NSZE: blocks of the namespace
 * @param capacityBlocks NCAP: blocks that may be allocated
 * @param usedBlocks NUSE: blocks that are allocated
 * @param features NSFEAT
 * @param formatIndex FLBAS bits 3:0: index of the current format in {@code formats}
 * @param metadataCapabilities MC
 * @param protectionSettings DPS; 0 if end-to-end protection is off
 * @param deallocateFeatures DLFEAT
 * @param writeProtected NSATTR bit 0: whether commands that change data fail
 * @param nvmCapacityBytes NVMCAP bits 63:0
 * @param nguid 32 hexadecimal digits
 * @param eui64 16 hexadecimal digits
 * @param formats the LBA formats that the namespace can have
 */
public record IdentifyNamespace(
    long sizeBlocks,
    long capacityBlocks,
    long usedBlocks,
    int features,
    int formatIndex,
    int metadataCapabilities,
    int protectionSettings,
    int deallocateFeatures,
    boolean writeProtected,
    long nvmCapacityBytes,
    String nguid,
    String eui64,
    List<LbaFormat> formats) {

  public IdentifyNamespace {
    formats = List.copyOf(formats);
  }

  /** The current LBA format. */
  public LbaFormat format() {
    return formats.get(formatIndex);
  }

  /** Decodes the 4096 bytes of CNS 00h. */
  public static IdentifyNamespace decode(MemorySegment data) {
    int formatCount = Math.min(Wire.u8(data, 25), 15) + 1;
    int formatIndex = Wire.u8(data, 26) & 0xF;
    List<LbaFormat> formats = new ArrayList<>();
    for (int i = 0; i < Math.max(formatCount, formatIndex + 1); i++) {
      formats.add(LbaFormat.decode(data, 128 + 4L * i));
    }
    HexFormat hex = HexFormat.of();
    return new IdentifyNamespace(
        Wire.u64(data, 0),
        Wire.u64(data, 8),
        Wire.u64(data, 16),
        Wire.u8(data, 24),
        formatIndex,
        Wire.u8(data, 27),
        Wire.u8(data, 29),
        Wire.u8(data, 33),
        (Wire.u8(data, 99) & 1) != 0,
        Wire.u64(data, 48),
        hex.formatHex(Wire.bytes(data, 104, 16)),
        hex.formatHex(Wire.bytes(data, 120, 8)),
        formats);
  }
}
