package io.nvmedirect.spec;

/** Feature identifiers (NVMe 1.4, figure 271). */
public final class Feature {

  public static final int ARBITRATION = 0x01;
  public static final int POWER_MANAGEMENT = 0x02;
  public static final int TEMPERATURE_THRESHOLD = 0x04;
  public static final int ERROR_RECOVERY = 0x05;
  public static final int VOLATILE_WRITE_CACHE = 0x06;
  public static final int NUMBER_OF_QUEUES = 0x07;
  public static final int INTERRUPT_COALESCING = 0x08;
  public static final int INTERRUPT_VECTOR_CONFIGURATION = 0x09;
  public static final int WRITE_ATOMICITY = 0x0A;
  public static final int ASYNC_EVENT_CONFIGURATION = 0x0B;

  /** Namespace Attribute Notices, of Asynchronous Event Configuration (figure 285) and of OAES. */
  public static final int EVENT_NAMESPACE_CHANGED = 1 << 8;

  private Feature() {}

  /**
   * Whether the value of a feature is all in the completion of Get Features. Those that return a data
   * structure, such as LBA Range Type (0x03) or Timestamp (0x0E), are not.
   */
  public static boolean isValue(int feature) {
    return switch (feature) {
      case ARBITRATION,
          POWER_MANAGEMENT,
          TEMPERATURE_THRESHOLD,
          ERROR_RECOVERY,
          VOLATILE_WRITE_CACHE,
          NUMBER_OF_QUEUES,
          INTERRUPT_COALESCING,
          INTERRUPT_VECTOR_CONFIGURATION,
          WRITE_ATOMICITY,
          ASYNC_EVENT_CONFIGURATION ->
          true;
      default -> false;
    };
  }

  /** CDW11 of Number of Queues that asks for {@code queues} (1 to 65535) of each kind. */
  public static int queueRequest(int queues) {
    return ((queues - 1) << 16) | (queues - 1);
  }

  /**
   * CDW11 of Arbitration (figure 272): AB in bits 2:0, and the zero-based weights LPW in 15:8, MPW in
   * 23:16, HPW in 31:24.
   *
   * @param burst n for at most 2^n commands of a queue at a time, 7 for no limit
   */
  public static int arbitration(int burst, QueueWeights weights) {
    return (weights.high() - 1) << 24
        | (weights.medium() - 1) << 16
        | (weights.low() - 1) << 8
        | (burst & 7);
  }

  /** I/O queue pairs that the result of Number of Queues allows: the smaller of both kinds. */
  public static int queuesAllocated(int result) {
    return Math.min(result & 0xFFFF, result >>> 16) + 1;
  }
}
