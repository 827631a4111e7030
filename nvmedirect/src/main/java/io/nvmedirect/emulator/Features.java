package io.nvmedirect.emulator;

import io.nvmedirect.spec.Feature;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Set Features and Get Features (NVMe 1.4, sections 5.15 and 5.21). No feature can be saved, so that a
 * reset brings the defaults back. Owned by the engine.
 */
final class Features {

  private static final int ALL_NAMESPACES = 0xFFFF_FFFF;
  private static final int SAVE = 1 << 31;

  private static final int SELECT_CURRENT = 0;
  private static final int SELECT_CAPABILITIES = 3;
  private static final int CAPABILITY_NAMESPACE = 1 << 1;
  private static final int CAPABILITY_CHANGEABLE = 1 << 2;

  /** Arbitration burst of 2^3 commands, and weights of 1 (figure 272). */
  private static final int DEFAULT_ARBITRATION = 3;

  private static final int UNLIMITED_BURST = 7;

  /** SMART warnings and the namespace notice: the events that exist (figure 285). */
  private static final int KNOWN_EVENTS = 0x1FF;

  static final int EVENT_NAMESPACE = 1 << 8;
  private static final int WARNING_TEMPERATURE = 1 << 1;
  private static final int THRESHOLD_OVER = 0;
  private static final int THRESHOLD_UNDER = 1;
  private static final int ALL_SENSORS = 0xF;

  private final int[] values = new int[Feature.ASYNC_EVENT_CONFIGURATION + 1];
  private final int mostQueues;
  private final int[] errorRecovery;
  private final int[] vectorConfiguration;
  private final int[] thresholds = new int[2];
  private int result;

  Features(Traits traits, int namespaces) {
    mostQueues = traits.queues();
    errorRecovery = new int[namespaces];
    vectorConfiguration = new int[traits.vectors()];
    reset();
  }

  /** Back to the defaults. */
  void reset() {
    for (int feature = 0; feature < values.length; feature++) {
      values[feature] = defaultValue(feature);
    }
    Arrays.fill(errorRecovery, 0);
    Arrays.fill(vectorConfiguration, 0);
    thresholds[THRESHOLD_OVER] = Health.WARNING_KELVIN;
    thresholds[THRESHOLD_UNDER] = 0;
  }

  private int defaultValue(int feature) {
    return switch (feature) {
      case Feature.ARBITRATION -> DEFAULT_ARBITRATION;
      case Feature.VOLATILE_WRITE_CACHE -> 1;
      case Feature.NUMBER_OF_QUEUES -> (mostQueues - 1) * 0x1_0001;
      default -> 0;
    };
  }

  boolean writeCacheEnabled() {
    return (values[Feature.VOLATILE_WRITE_CACHE] & 1) != 0;
  }

  /** Commands that one queue may have executed in its turn. */
  int arbitrationBurst() {
    int burst = values[Feature.ARBITRATION] & 7;
    return burst == UNLIMITED_BURST ? Integer.MAX_VALUE : 1 << burst;
  }

  /** Commands that the queues of a priority, HIGH to LOW, may have executed in a round. */
  int weight(int priority) {
    int field =
        switch (priority) {
          case DeviceSubmissionQueue.HIGH -> 24;
          case DeviceSubmissionQueue.MEDIUM -> 16;
          default -> 8;
        };
    return (values[Feature.ARBITRATION] >>> field & 0xFF) + 1;
  }

  /** Largest identifier of a submission queue. */
  int submissionQueues() {
    return (values[Feature.NUMBER_OF_QUEUES] & 0xFFFF) + 1;
  }

  int vectors() {
    return vectorConfiguration.length;
  }

  /** Largest identifier of a completion queue. */
  int completionQueues() {
    return (values[Feature.NUMBER_OF_QUEUES] >>> 16) + 1;
  }

  boolean reports(int event) {
    return (values[Feature.ASYNC_EVENT_CONFIGURATION] & event) != 0;
  }

  /** The critical warning bits of the SMART log. */
  int criticalWarning() {
    int kelvin = Health.TEMPERATURE_KELVIN;
    boolean outside = kelvin >= thresholds[THRESHOLD_OVER] || kelvin <= thresholds[THRESHOLD_UNDER];
    return outside ? WARNING_TEMPERATURE : 0;
  }

  /** Whether a warning holds that the host wants to be told of. */
  boolean warns() {
    return reports(criticalWarning() & 0xFF);
  }

  /** DW0 of the completion. */
  int result() {
    return result;
  }

  int set(MemorySegment command, boolean ioQueuesExist) {
    result = 0;
    int cdw10 = Sqe.cdw10(command, 0);
    int feature = cdw10 & 0xFF;
    int nsid = Sqe.nsid(command, 0);
    if (!isSupported(feature)) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    if ((cdw10 & SAVE) != 0) {
      return Status.FEATURE_NOT_SAVEABLE | Status.DNR;
    }
    int value = Sqe.cdw11(command, 0);
    if (feature == Feature.ERROR_RECOVERY) {
      return setErrorRecovery(nsid, value);
    }
    if (nsid != 0 && nsid != ALL_NAMESPACES) {
      return nsid > 0 && nsid <= errorRecovery.length
          ? Status.FEATURE_NOT_NAMESPACE_SPECIFIC | Status.DNR
          : Status.INVALID_NAMESPACE | Status.DNR;
    }
    return switch (feature) {
      case Feature.POWER_MANAGEMENT -> store(feature, value, (value & 0x1F) == 0);
      case Feature.TEMPERATURE_THRESHOLD -> setThreshold(value);
      case Feature.NUMBER_OF_QUEUES -> setQueues(value, ioQueuesExist);
      case Feature.INTERRUPT_VECTOR_CONFIGURATION -> setVector(value);
      case Feature.ASYNC_EVENT_CONFIGURATION -> store(feature, value & KNOWN_EVENTS, true);
      case Feature.VOLATILE_WRITE_CACHE, Feature.WRITE_ATOMICITY -> store(feature, value & 1, true);
      default -> store(feature, value, true);
    };
  }

  private static boolean isSupported(int feature) {
    return switch (feature) {
      case Feature.ARBITRATION,
          Feature.POWER_MANAGEMENT,
          Feature.TEMPERATURE_THRESHOLD,
          Feature.ERROR_RECOVERY,
          Feature.VOLATILE_WRITE_CACHE,
          Feature.NUMBER_OF_QUEUES,
          Feature.INTERRUPT_COALESCING,
          Feature.INTERRUPT_VECTOR_CONFIGURATION,
          Feature.WRITE_ATOMICITY,
          Feature.ASYNC_EVENT_CONFIGURATION ->
          true;
      default -> false;
    };
  }

  private int store(int feature, int value, boolean valid) {
    if (!valid) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    values[feature] = value;
    return Status.SUCCESS;
  }

  /** Figure 276: TLER in bits 15:0; DULBE, bit 16, is not supported (NSFEAT). */
  private int setErrorRecovery(int nsid, int value) {
    if (value >>> 16 != 0) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    if (nsid == ALL_NAMESPACES) {
      Arrays.fill(errorRecovery, value);
    } else if (nsid > 0 && nsid <= errorRecovery.length) {
      errorRecovery[nsid - 1] = value;
    } else {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    return Status.SUCCESS;
  }

  /** Figure 275: threshold in bits 15:0, sensor in 19:16, kind in 21:20. */
  private int setThreshold(int value) {
    int sensor = value >>> 16 & 0xF;
    int kind = value >>> 20 & 3;
    if (kind > THRESHOLD_UNDER || (sensor != 0 && sensor != ALL_SENSORS)) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    thresholds[kind] = value & 0xFFFF;
    return Status.SUCCESS;
  }

  /** Section 5.21.1.7: only before there are I/O queues. */
  private int setQueues(int value, boolean ioQueuesExist) {
    int submission = value & 0xFFFF;
    int completion = value >>> 16;
    if (submission == 0xFFFF || completion == 0xFFFF) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    if (ioQueuesExist) {
      return Status.COMMAND_SEQUENCE_ERROR | Status.DNR;
    }
    int most = mostQueues - 1;
    result = Math.min(completion, most) << 16 | Math.min(submission, most);
    values[Feature.NUMBER_OF_QUEUES] = result;
    return Status.SUCCESS;
  }

  /** Figure 282: vector in bits 15:0, coalescing disable in 16. */
  private int setVector(int value) {
    int vector = value & 0xFFFF;
    if (vector >= vectorConfiguration.length) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    vectorConfiguration[vector] = value & 0x1_FFFF;
    return Status.SUCCESS;
  }

  int get(MemorySegment command) {
    result = 0;
    int cdw10 = Sqe.cdw10(command, 0);
    int feature = cdw10 & 0xFF;
    int select = cdw10 >>> 8 & 7;
    int nsid = Sqe.nsid(command, 0);
    if (!isSupported(feature) || select > SELECT_CAPABILITIES) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    boolean perNamespace = feature == Feature.ERROR_RECOVERY;
    if (select == SELECT_CAPABILITIES) {
      result = CAPABILITY_CHANGEABLE | (perNamespace ? CAPABILITY_NAMESPACE : 0);
      return Status.SUCCESS;
    }
    if (perNamespace && (nsid <= 0 || nsid > errorRecovery.length)) {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    return value(feature, nsid, Sqe.cdw11(command, 0), select == SELECT_CURRENT);
  }

  private int value(int feature, int nsid, int cdw11, boolean current) {
    switch (feature) {
      case Feature.ERROR_RECOVERY -> result = current ? errorRecovery[nsid - 1] : 0;
      case Feature.TEMPERATURE_THRESHOLD -> {
        int kind = cdw11 >>> 20 & 3;
        int sensor = cdw11 >>> 16 & 0xF;
        if (kind > THRESHOLD_UNDER || sensor != 0) {
          return Status.INVALID_FIELD | Status.DNR;
        }
        int standard = kind == THRESHOLD_OVER ? Health.WARNING_KELVIN : 0;
        result = current ? thresholds[kind] : standard;
      }
      case Feature.INTERRUPT_VECTOR_CONFIGURATION -> {
        int vector = cdw11 & 0xFFFF;
        if (vector >= vectorConfiguration.length) {
          return Status.INVALID_FIELD | Status.DNR;
        }
        result = vector | (current ? vectorConfiguration[vector] & 1 << 16 : 0);
      }
      default -> result = current ? values[feature] : defaultValue(feature);
    }
    return Status.SUCCESS;
  }
}
