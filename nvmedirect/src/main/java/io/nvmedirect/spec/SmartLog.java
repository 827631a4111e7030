package io.nvmedirect.spec;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;

/**
 * SMART / Health Information (NVMe 1.4, figure 194).
 *
 * @param criticalWarning bits: 0 spare low, 1 temperature, 2 reliability, 3 read only, 4 backup
 * @param temperatureKelvin composite temperature
 * @param availableSparePercent 0 to 100
 * @param availableSpareThresholdPercent 0 to 100
 * @param percentageUsed of the endurance; may exceed 100
 * @param dataUnitsRead in units of 1000 × 512 bytes, rounded up
 * @param dataUnitsWritten in units of 1000 × 512 bytes, rounded up
 * @param hostReadCommands Read and Compare commands
 * @param hostWriteCommands Write commands
 * @param controllerBusyMinutes time with I/O outstanding
 * @param powerCycles count
 * @param powerOnHours count
 * @param unsafeShutdowns count
 * @param mediaErrors unrecovered data integrity errors
 * @param errorLogEntries over the life of the controller
 * @param warningTemperatureMinutes time above the warning threshold
 * @param criticalTemperatureMinutes time above the critical threshold
 */
public record SmartLog(
    int criticalWarning,
    int temperatureKelvin,
    int availableSparePercent,
    int availableSpareThresholdPercent,
    int percentageUsed,
    BigInteger dataUnitsRead,
    BigInteger dataUnitsWritten,
    BigInteger hostReadCommands,
    BigInteger hostWriteCommands,
    BigInteger controllerBusyMinutes,
    BigInteger powerCycles,
    BigInteger powerOnHours,
    BigInteger unsafeShutdowns,
    BigInteger mediaErrors,
    BigInteger errorLogEntries,
    long warningTemperatureMinutes,
    long criticalTemperatureMinutes) {

  /** Size of the page in bytes. */
  public static final int BYTES = 512;

  /** Decodes the log page. */
  public static SmartLog decode(MemorySegment data) {
    return new SmartLog(
        Wire.u8(data, 0),
        Wire.u16(data, 1),
        Wire.u8(data, 3),
        Wire.u8(data, 4),
        Wire.u8(data, 5),
        Wire.u128(data, 32),
        Wire.u128(data, 48),
        Wire.u128(data, 64),
        Wire.u128(data, 80),
        Wire.u128(data, 96),
        Wire.u128(data, 112),
        Wire.u128(data, 128),
        Wire.u128(data, 144),
        Wire.u128(data, 160),
        Wire.u128(data, 176),
        Wire.u32(data, 192),
        Wire.u32(data, 196));
  }
}
