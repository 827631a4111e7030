package io.nvmedirect.spec;

import java.lang.foreign.MemorySegment;

/**
 * Identify Controller (NVMe 1.4, figure 247).
 *
 * @param vendorId VID, the PCI vendor
 * @param subsystemVendorId SSVID
 * @param serialNumber SN
 * @param modelNumber MN
 * @param firmwareRevision FR
 * @param recommendedBurst RAB: n for an arbitration burst of 2^n commands, 7 for no limit
 * @param maxTransferPages MDTS: 0 for no limit, else n for 2^n pages of the smallest page size
 * @param controllerId CNTLID
 * @param version VER, as VS
 * @param optionalEvents OAES
 * @param optionalAdminCommands OACS
 * @param abortLimit ACL + 1: Abort commands at the same time
 * @param asyncEventLimit AERL + 1: Asynchronous Event Requests at the same time
 * @param errorLogEntries ELPE + 1
 * @param warningTemperatureKelvin WCTEMP; 0 if not reported
 * @param criticalTemperatureKelvin CCTEMP; 0 if not reported
 * @param maxOutstandingCommands MAXCMD; 0 if not reported
 * @param namespaceCount NN: largest namespace identifier
 * @param optionalNvmCommands ONCS
 * @param volatileWriteCache VWC
 * @param sglSupport SGLS
 * @param subsystemNqn SUBNQN
 */
public record IdentifyController(
    int vendorId,
    int subsystemVendorId,
    String serialNumber,
    String modelNumber,
    String firmwareRevision,
    int recommendedBurst,
    int maxTransferPages,
    int controllerId,
    int version,
    int optionalEvents,
    int optionalAdminCommands,
    int abortLimit,
    int asyncEventLimit,
    int errorLogEntries,
    int warningTemperatureKelvin,
    int criticalTemperatureKelvin,
    int maxOutstandingCommands,
    long namespaceCount,
    int optionalNvmCommands,
    int volatileWriteCache,
    int sglSupport,
    String subsystemNqn) {

  /** ONCS bit 0; the methods below likewise, each for the command that it names. */
  public boolean supportsCompare() {
    return (optionalNvmCommands & 1) != 0;
  }

  public boolean supportsWriteUncorrectable() {
    return (optionalNvmCommands & 1 << 1) != 0;
  }

  public boolean supportsDatasetManagement() {
    return (optionalNvmCommands & 1 << 2) != 0;
  }

  public boolean supportsWriteZeroes() {
    return (optionalNvmCommands & 1 << 3) != 0;
  }

  public boolean supportsVerify() {
    return (optionalNvmCommands & 1 << 7) != 0;
  }

  public boolean supportsFormat() {
    return (optionalAdminCommands & 1 << 1) != 0;
  }

  public boolean supportsDoorbellBufferConfig() {
    return (optionalAdminCommands & 1 << 8) != 0;
  }

  /** OAES bit 8: whether it tells of namespaces that have changed. */
  public boolean reportsNamespaceChanges() {
    return (optionalEvents & Feature.EVENT_NAMESPACE_CHANGED) != 0;
  }

  /** Whether written data may be lost at a power cut until it is flushed. */
  public boolean hasVolatileWriteCache() {
    return (volatileWriteCache & 1) != 0;
  }

  /**
   * SGLS bits 1:0: what the address and length of each data block of an SGL are multiples of, in
   * commands of the NVM command set.
   *
   * @return 1 or 4 bytes; 0 if the controller takes no SGLs
   */
  public int sglAlignment() {
    return switch (sglSupport & 3) {
      case 1 -> 1;
      case 2 -> 4;
      default -> 0;
    };
  }

  /**
   * Most bytes of one data transfer.
   *
   * @param minPageBytes CAP.MPSMIN in bytes
   * @return {@code Long.MAX_VALUE} for no limit
   */
  public long maxTransferBytes(long minPageBytes) {
    return maxTransferPages == 0 || maxTransferPages > 40
        ? Long.MAX_VALUE
        : minPageBytes << maxTransferPages;
  }

  /** Decodes the 4096 bytes of CNS 01h. */
  public static IdentifyController decode(MemorySegment data) {
    return new IdentifyController(
        Wire.u16(data, 0),
        Wire.u16(data, 2),
        Wire.ascii(data, 4, 20),
        Wire.ascii(data, 24, 40),
        Wire.ascii(data, 64, 8),
        Wire.u8(data, 72),
        Wire.u8(data, 77),
        Wire.u16(data, 78),
        Wire.s32(data, 80),
        Wire.s32(data, 92),
        Wire.u16(data, 256),
        Wire.u8(data, 258) + 1,
        Wire.u8(data, 259) + 1,
        Wire.u8(data, 262) + 1,
        Wire.u16(data, 266),
        Wire.u16(data, 268),
        Wire.u16(data, 514),
        Wire.u32(data, 516),
        Wire.u16(data, 520),
        Wire.u8(data, 525),
        Wire.s32(data, 536),
        Wire.ascii(data, 768, 256));
  }
}
