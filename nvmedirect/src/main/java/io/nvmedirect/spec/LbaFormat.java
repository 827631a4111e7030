package io.nvmedirect.spec;

import java.lang.foreign.MemorySegment;

/**
 * An LBA format of a namespace (NVMe 1.4, figure 246).
 *
 * @param dataBytes bytes of a logical block; 0 if the format is not available
 * @param metadataBytes bytes of metadata per block
 * @param relativePerformance 0 best to 3 degraded
 */
public record LbaFormat(int dataBytes, int metadataBytes, int relativePerformance) {

  static LbaFormat decode(MemorySegment data, long offset) {
    int dword = Wire.s32(data, offset);
    int lbads = dword >>> 16 & 0xFF;
    return new LbaFormat(
        lbads == 0 || lbads > 30 ? 0 : 1 << lbads, dword & 0xFFFF, dword >>> 24 & 3);
  }
}
