package io.nvmedirect.emulator;

import io.nvmedirect.spec.Register;

/**
 * The controller's registers as the host sees them (NVMe 1.4, section 3.1). Fields are volatile so
 * that the host finds in host memory what the device wrote before it changed CSTS, and the device what
 * the host wrote before CC.
 */
final class RegisterFile {

  /** CAP.TO in units of 500 ms: ten seconds, for a busy machine. */
  private static final long READY_TIMEOUT = 20;

  /** The same if commands of another device have to end first, which may have to be reset for that. */
  private static final long FORWARDED_READY_TIMEOUT = 240;

  private static final int DWORD_BITS = 32;

  private static final long CAP =
      (DeviceQueues.MAX_ENTRIES - 1) // MQES
          | 1L << 16 // CQR: queues are contiguous
          | 1L << 36 // NSSRS: NVM subsystem reset
          | 1L << 37; // CSS: NVM command set. DSTRD, MPSMIN and MPSMAX are 0: 4 bytes, 4 KiB

  private static final long WEIGHTED_ROUND_ROBIN = 1L << 17; // AMS

  private static final long LOW = 0xFFFF_FFFFL;

  private final Interrupts interrupts;
  private final long capabilities;
  private volatile int cc;
  private volatile int csts;
  private volatile int aqa;
  private volatile long asq;
  private volatile long acq;
  private volatile boolean removed;

  RegisterFile(Traits traits, Interrupts interrupts) {
    this.interrupts = interrupts;
    boolean weighted = traits.arbitration() == EmulatorOptions.Arbitration.WRR;
    long timeout = traits.local() ? READY_TIMEOUT : FORWARDED_READY_TIMEOUT;
    capabilities = CAP | timeout << 24 | (weighted ? WEIGHTED_ROUND_ROBIN : 0);
  }

  int read32(int offset) {
    if (removed) {
      return Register.ALL_ONES;
    }
    return switch (offset) {
      case Register.CAP -> (int) capabilities;
      case Register.CAP + 4 -> (int) (capabilities >>> DWORD_BITS);
      case Register.VS -> IdentifyPages.VERSION;
      case Register.INTMS, Register.INTMC -> interrupts.mask();
      case Register.CC -> cc;
      case Register.CSTS -> csts;
      case Register.AQA -> aqa;
      case Register.ASQ -> (int) asq;
      case Register.ASQ + 4 -> (int) (asq >>> DWORD_BITS);
      case Register.ACQ -> (int) acq;
      case Register.ACQ + 4 -> (int) (acq >>> DWORD_BITS);
      default -> 0;
    };
  }

  /**
   * Stores what the host writes.
   *
   * @return whether the device has to act on it
   */
  boolean write32(int offset, int value) {
    if (removed) {
      return false;
    }
    switch (offset) {
      case Register.INTMS -> interrupts.mask(value);
      case Register.INTMC -> interrupts.unmask(value);
      case Register.AQA -> aqa = value;
      case Register.ASQ -> asq = (asq & ~LOW) | (value & LOW);
      case Register.ASQ + 4 -> asq = (asq & LOW) | ((long) value << DWORD_BITS);
      case Register.ACQ -> acq = (acq & ~LOW) | (value & LOW);
      case Register.ACQ + 4 -> acq = (acq & LOW) | ((long) value << DWORD_BITS);
      case Register.CC -> {
        cc = value;
        return true;
      }
      case Register.NSSR -> {
        if (value == Register.NSSR_RESET) {
          clear();
          return true;
        }
      }
      case Register.CSTS -> {
        return true;
      }
      default -> {}
    }
    return false;
  }

  /** A reset of the NVM subsystem or of the function takes every register back to its default. */
  void clear() {
    cc = 0;
    aqa = 0;
    asq = 0;
    acq = 0;
  }

  /** Whether the host may choose weighted round robin. */
  boolean offersWeightedRoundRobin() {
    return (capabilities & WEIGHTED_ROUND_ROBIN) != 0;
  }

  int adminQueueAttributes() {
    return aqa;
  }

  long adminSubmissionQueue() {
    return asq;
  }

  long adminCompletionQueue() {
    return acq;
  }

  int status() {
    return csts;
  }

  void status(int value) {
    csts = value;
  }

  /** From now on registers read as all ones, and writes are lost. */
  void remove() {
    removed = true;
  }

  boolean isRemoved() {
    return removed;
  }
}
