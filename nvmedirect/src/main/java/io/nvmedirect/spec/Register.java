package io.nvmedirect.spec;

/**
 * Controller registers (NVMe 1.4, section 3.1): byte offsets in BAR0 and the fields of CAP, CC, CSTS
 * and AQA. CC and CSTS are read and written by mask.
 */
public final class Register {

  public static final int CAP = 0x00;
  public static final int VS = 0x08;
  public static final int INTMS = 0x0C;
  public static final int INTMC = 0x10;
  public static final int CC = 0x14;
  public static final int CSTS = 0x1C;
  public static final int NSSR = 0x20;
  public static final int AQA = 0x24;
  public static final int ASQ = 0x28;
  public static final int ACQ = 0x30;

  /** Offset of the first doorbell. */
  public static final int DOORBELLS = 0x1000;

  /** CC.EN. */
  public static final int CC_ENABLE = 1;

  /** CC.AMS: 000b round robin, 001b weighted round robin with urgent priority class. */
  public static final int CC_ARBITRATION_MASK = 7 << 11;

  public static final int CC_WEIGHTED_ROUND_ROBIN = 1 << 11;

  /** CC.SHN: 01b normal, 10b abrupt shutdown. */
  public static final int CC_SHUTDOWN_MASK = 3 << 14;

  public static final int CC_SHUTDOWN_NORMAL = 1 << 14;
  public static final int CC_SHUTDOWN_ABRUPT = 2 << 14;

  /** CSTS.RDY. */
  public static final int CSTS_READY = 1;

  /** CSTS.CFS. */
  public static final int CSTS_FATAL = 1 << 1;

  /** CSTS.SHST: 00b normal operation, 01b shutdown occurring, 10b shutdown complete. */
  public static final int CSTS_SHUTDOWN_MASK = 3 << 2;

  public static final int CSTS_SHUTDOWN_OCCURRING = 1 << 2;
  public static final int CSTS_SHUTDOWN_COMPLETE = 2 << 2;

  /** CSTS.NSSRO: an NVM subsystem reset occurred. */
  public static final int CSTS_SUBSYSTEM_RESET = 1 << 4;

  /** The value that NSSR takes to reset the NVM subsystem: "NVMe". */
  public static final int NSSR_RESET = 0x4E564D65;

  /** What a register of a removed device reads as. */
  public static final int ALL_ONES = -1;

  private Register() {}

  /** Largest queue that the controller supports, in entries: CAP.MQES + 1, 2 to 65536. */
  public static int maxQueueEntries(long cap) {
    return (int) (cap & 0xFFFF) + 1;
  }

  /** CAP.AMS bit 17: the controller has weighted round robin with urgent priority class. */
  public static boolean hasWeightedRoundRobin(long cap) {
    return (cap >>> 17 & 1) != 0;
  }

  /** CAP.TO: how long CSTS.RDY may take to change. */
  public static long readyTimeoutMs(long cap) {
    return (cap >>> 24 & 0xFF) * 500;
  }

  /** CAP.DSTRD: bytes between two doorbells, 4 or more. */
  public static int doorbellStrideBytes(long cap) {
    return 4 << (int) (cap >>> 32 & 0xF);
  }

  /** CAP.NSSRS: the controller has the NVM subsystem reset register. */
  public static boolean hasSubsystemReset(long cap) {
    return (cap >>> 36 & 1) != 0;
  }

  /** CAP.CSS bit 0: the controller has the NVM command set. */
  public static boolean hasNvmCommandSet(long cap) {
    return (cap >>> 37 & 1) != 0;
  }

  /** CAP.MPSMIN: smallest memory page size in bytes. */
  public static long minPageBytes(long cap) {
    return 4096L << (cap >>> 48 & 0xF);
  }

  /** CAP.MPSMAX: largest memory page size in bytes. */
  public static long maxPageBytes(long cap) {
    return 4096L << (cap >>> 52 & 0xF);
  }

  /**
   * CC for an enabled controller: NVM command set, entries of 64 and 16 bytes; round robin, unless
   * {@link #CC_WEIGHTED_ROUND_ROBIN} is added.
   *
   * @param pageBytes memory page size, a power of two of at least 4096
   */
  public static int enabledConfiguration(long pageBytes) {
    int mps = Long.numberOfTrailingZeros(pageBytes) - 12;
    return 4 << 20 | 6 << 16 | mps << 7 | CC_ENABLE;
  }

  /** AQA for admin queues of {@code entries} entries each, 2 to 4096. */
  public static int adminQueueAttributes(int entries) {
    return ((entries - 1) << 16) | (entries - 1);
  }

  /** Offset of the tail doorbell of submission queue {@code qid}. */
  public static int sqTailDoorbell(int qid, int strideBytes) {
    return DOORBELLS + 2 * qid * strideBytes;
  }

  /** Offset of the head doorbell of completion queue {@code qid}. */
  public static int cqHeadDoorbell(int qid, int strideBytes) {
    return DOORBELLS + (2 * qid + 1) * strideBytes;
  }

  /** VS as text: 1.4.0 is "1.4". */
  public static String versionName(int vs) {
    int tertiary = vs & 0xFF;
    String name = (vs >>> 16) + "." + (vs >>> 8 & 0xFF);
    return tertiary == 0 ? name : name + "." + tertiary;
  }
}
