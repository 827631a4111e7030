package io.nvmedirect.spec;

import java.lang.foreign.MemorySegment;

/**
 * An entry of the Error Information log (NVMe 1.4, figure 192).
 *
 * @param errorCount number of the error since the controller was made; 0 for an empty entry
 * @param submissionQueueId of the command
 * @param commandId of the command
 * @param status the status field
 * @param parameterErrorLocation byte (bits 7:0) and bit (bits 10:8) of the wrong parameter; FFFFh if
 *     unknown
 * @param lba first logical block with the error
 * @param namespaceId of the command
 */
public record ErrorLogEntry(
    long errorCount,
    int submissionQueueId,
    int commandId,
    int status,
    int parameterErrorLocation,
    long lba,
    int namespaceId) {

  /** Size of an entry in bytes. */
  public static final int BYTES = 64;

  /** Decodes the entry at a byte offset of the log page. */
  public static ErrorLogEntry decode(MemorySegment data, long offset) {
    return new ErrorLogEntry(
        Wire.u64(data, offset),
        Wire.u16(data, offset + 8),
        Wire.u16(data, offset + 10),
        Wire.u16(data, offset + 12) >>> 1,
        Wire.u16(data, offset + 14),
        Wire.u64(data, offset + 16),
        Wire.s32(data, offset + 24));
  }
}
