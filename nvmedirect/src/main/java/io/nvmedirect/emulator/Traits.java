package io.nvmedirect.emulator;

import io.nvmedirect.emulator.EmulatorOptions.Arbitration;
import io.nvmedirect.emulator.EmulatorOptions.Model;
import io.nvmedirect.emulator.EmulatorOptions.Sgl;
import io.nvmedirect.spec.Opcode;

/**
 * What one controller offers its host.
 *
 * @param queues I/O queue pairs
 * @param vectors interrupt vectors
 * @param maxTransferBytes of one command: 4096 × 2^n, or {@code Long.MAX_VALUE} for no limit
 * @param shadow whether Doorbell Buffer Config is offered
 * @param readOnly whether commands that change data fail
 * @param local whether the controller has its blocks itself: then it can be formatted, Flush takes all
 *     namespaces at once, and what was deallocated reads as zeroes
 * @param shared whether other controllers may have the same namespaces
 * @param optional the optional commands that are offered: ONCS (NVMe 1.4, figure 247)
 */
record Traits(
    int queues,
    int vectors,
    long maxTransferBytes,
    boolean shadow,
    Arbitration arbitration,
    Sgl sgl,
    Model model,
    boolean readOnly,
    boolean local,
    boolean shared,
    int optional) {

  static final int COMPARE = 1;
  static final int WRITE_UNCORRECTABLE = 1 << 1;
  static final int DATASET_MANAGEMENT = 1 << 2;
  static final int WRITE_ZEROES = 1 << 3;
  static final int SAVE_AND_SELECT = 1 << 4;
  static final int VERIFY = 1 << 7;

  private static final int ALL =
      COMPARE | WRITE_UNCORRECTABLE | DATASET_MANAGEMENT | WRITE_ZEROES | SAVE_AND_SELECT | VERIFY;

  private static final long PAGE_BYTES = 4096;

  /** Those of a controller that has its blocks itself. */
  static Traits of(EmulatorOptions options) {
    return new Traits(
        options.queues(),
        options.vectors(),
        options.maxTransferBytes(),
        options.shadow(),
        options.arbitration(),
        options.sgl(),
        options.model(),
        options.readOnly(),
        true,
        false,
        ALL);
  }

  /** Those of a controller whose blocks are another device's. */
  static Traits of(BlockDevice device) {
    int optional = SAVE_AND_SELECT;
    optional |= device.supports(Opcode.COMPARE) ? COMPARE : 0;
    optional |= device.supports(Opcode.DATASET_MANAGEMENT) ? DATASET_MANAGEMENT : 0;
    optional |= device.supports(Opcode.WRITE_ZEROES) ? WRITE_ZEROES : 0;
    return new Traits(
        DeviceQueues.IO_QUEUES,
        Interrupts.VECTORS,
        Long.highestOneBit(device.maxTransferBytes()),
        true,
        Arbitration.RR,
        Sgl.ON,
        Model.RAM,
        false,
        false,
        true,
        optional);
  }

  /** Those for a host in another process: doorbells in memory save it messages. */
  Traits limited(Subsystem.Limits limits) {
    return new Traits(
        Math.min(queues, limits.queues()),
        vectors,
        maxTransferBytes,
        true,
        arbitration,
        sgl,
        model,
        readOnly || limits.readOnly(),
        local,
        true,
        optional);
  }

  /** MDTS as Identify Controller has it: n for 4096 × 2^n bytes, 0 for no limit. */
  int mdtsExponent() {
    return maxTransferBytes == Long.MAX_VALUE
        ? 0
        : Long.numberOfTrailingZeros(maxTransferBytes / PAGE_BYTES);
  }

  /** Whether an I/O command is offered. */
  boolean offers(int opcode) {
    return switch (opcode) {
      case Opcode.FLUSH, Opcode.WRITE, Opcode.READ -> true;
      case Opcode.WRITE_UNCORRECTABLE -> (optional & WRITE_UNCORRECTABLE) != 0;
      case Opcode.COMPARE -> (optional & COMPARE) != 0;
      case Opcode.WRITE_ZEROES -> (optional & WRITE_ZEROES) != 0;
      case Opcode.DATASET_MANAGEMENT -> (optional & DATASET_MANAGEMENT) != 0;
      case Opcode.VERIFY -> (optional & VERIFY) != 0;
      default -> false;
    };
  }

  /** Whether an I/O command changes blocks. */
  static boolean changesBlocks(int opcode) {
    return switch (opcode) {
      case Opcode.WRITE,
          Opcode.WRITE_UNCORRECTABLE,
          Opcode.WRITE_ZEROES,
          Opcode.DATASET_MANAGEMENT ->
          true;
      default -> false;
    };
  }
}
