package io.nvmedirect.spec;

/**
 * The status field of a completion (NVMe 1.4, section 4.6.1, figures 126 to 130), as an {@code int}:
 *
 * <pre>
 *   14    13   12 11  10     8  7          0
 *  | DNR | M | CRD  |   SCT   |     SC      |
 * </pre>
 *
 * <p>0 is success. The constants are SCT and SC; compare them with {@link #codes}, for a controller
 * may set DNR or M beside them.
 */
public final class Status {

  /** "Do not retry": the same command would fail again. */
  public static final int DNR = 1 << 14;

  /** "More": the Error Information log has more about this command. */
  public static final int MORE = 1 << 13;

  // Generic command status (SCT 0).
  public static final int SUCCESS = 0x000;
  public static final int INVALID_OPCODE = 0x001;
  public static final int INVALID_FIELD = 0x002;
  public static final int COMMAND_ID_CONFLICT = 0x003;
  public static final int DATA_TRANSFER_ERROR = 0x004;
  public static final int ABORTED_POWER_LOSS = 0x005;
  public static final int INTERNAL_ERROR = 0x006;
  public static final int ABORT_REQUESTED = 0x007;
  public static final int ABORTED_SQ_DELETION = 0x008;
  public static final int ABORTED_FAILED_FUSED = 0x009;
  public static final int ABORTED_MISSING_FUSED = 0x00A;
  public static final int INVALID_NAMESPACE = 0x00B;
  public static final int COMMAND_SEQUENCE_ERROR = 0x00C;
  public static final int INVALID_SGL_SEGMENT = 0x00D;
  public static final int INVALID_SGL_COUNT = 0x00E;
  public static final int SGL_DATA_LENGTH_INVALID = 0x00F;
  public static final int SGL_METADATA_LENGTH_INVALID = 0x010;
  public static final int SGL_TYPE_INVALID = 0x011;
  public static final int INVALID_CMB_USE = 0x012;
  public static final int PRP_OFFSET_INVALID = 0x013;
  public static final int ATOMIC_WRITE_UNIT_EXCEEDED = 0x014;
  public static final int OPERATION_DENIED = 0x015;
  public static final int SGL_OFFSET_INVALID = 0x016;
  public static final int SGL_GRANULARITY_INVALID = 0x01E;
  public static final int NAMESPACE_WRITE_PROTECTED = 0x020;
  public static final int COMMAND_INTERRUPTED = 0x021;
  public static final int TRANSIENT_TRANSPORT_ERROR = 0x022;
  public static final int LBA_OUT_OF_RANGE = 0x080;
  public static final int CAPACITY_EXCEEDED = 0x081;
  public static final int NAMESPACE_NOT_READY = 0x082;
  public static final int RESERVATION_CONFLICT = 0x083;
  public static final int FORMAT_IN_PROGRESS = 0x084;

  // Command specific status (SCT 1).
  public static final int COMPLETION_QUEUE_INVALID = 0x100;
  public static final int INVALID_QUEUE_ID = 0x101;
  public static final int INVALID_QUEUE_SIZE = 0x102;
  public static final int ABORT_LIMIT_EXCEEDED = 0x103;
  public static final int ASYNC_EVENT_LIMIT_EXCEEDED = 0x105;
  public static final int INVALID_FIRMWARE_SLOT = 0x106;
  public static final int INVALID_FIRMWARE_IMAGE = 0x107;
  public static final int INVALID_INTERRUPT_VECTOR = 0x108;
  public static final int INVALID_LOG_PAGE = 0x109;
  public static final int INVALID_FORMAT = 0x10A;
  public static final int INVALID_QUEUE_DELETION = 0x10C;
  public static final int FEATURE_NOT_SAVEABLE = 0x10D;
  public static final int FEATURE_NOT_CHANGEABLE = 0x10E;
  public static final int FEATURE_NOT_NAMESPACE_SPECIFIC = 0x10F;
  public static final int OVERLAPPING_RANGE = 0x114;
  public static final int INSUFFICIENT_CAPACITY = 0x115;
  public static final int NAMESPACE_ID_UNAVAILABLE = 0x116;
  public static final int NAMESPACE_ALREADY_ATTACHED = 0x118;
  public static final int NAMESPACE_PRIVATE = 0x119;
  public static final int NAMESPACE_NOT_ATTACHED = 0x11A;
  public static final int CONTROLLER_LIST_INVALID = 0x11C;
  public static final int INVALID_CONTROLLER_ID = 0x11F;
  public static final int CONFLICTING_ATTRIBUTES = 0x180;
  public static final int INVALID_PROTECTION_INFORMATION = 0x181;
  public static final int READ_ONLY_RANGE = 0x182;

  // Media and data integrity errors (SCT 2).
  public static final int WRITE_FAULT = 0x280;
  public static final int UNRECOVERED_READ_ERROR = 0x281;
  public static final int GUARD_CHECK_ERROR = 0x282;
  public static final int APPLICATION_TAG_CHECK_ERROR = 0x283;
  public static final int REFERENCE_TAG_CHECK_ERROR = 0x284;
  public static final int COMPARE_FAILURE = 0x285;
  public static final int ACCESS_DENIED = 0x286;
  public static final int DEALLOCATED_BLOCK = 0x287;

  // Path related status (SCT 3); the last two are made by the host.
  public static final int INTERNAL_PATH_ERROR = 0x300;
  public static final int CONTROLLER_PATHING_ERROR = 0x360;
  public static final int HOST_PATHING_ERROR = 0x370;
  public static final int ABORTED_BY_HOST = 0x371;

  private Status() {}

  /** Status code type, 0 to 7. */
  public static int codeType(int status) {
    return status >>> 8 & 7;
  }

  /** Status code, 0 to 255. */
  public static int code(int status) {
    return status & 0xFF;
  }

  /** SCT and SC without DNR, M and CRD: comparable with the constants. */
  public static int codes(int status) {
    return status & 0x7FF;
  }

  public static boolean doNotRetry(int status) {
    return (status & DNR) != 0;
  }

  /** The specification's name. */
  public static String name(int status) {
    return switch (codes(status)) {
      case SUCCESS -> "Successful Completion";
      case INVALID_OPCODE -> "Invalid Command Opcode";
      case INVALID_FIELD -> "Invalid Field in Command";
      case COMMAND_ID_CONFLICT -> "Command ID Conflict";
      case DATA_TRANSFER_ERROR -> "Data Transfer Error";
      case ABORTED_POWER_LOSS -> "Commands Aborted due to Power Loss Notification";
      case INTERNAL_ERROR -> "Internal Error";
      case ABORT_REQUESTED -> "Command Abort Requested";
      case ABORTED_SQ_DELETION -> "Command Aborted due to SQ Deletion";
      case ABORTED_FAILED_FUSED -> "Command Aborted due to Failed Fused Command";
      case ABORTED_MISSING_FUSED -> "Command Aborted due to Missing Fused Command";
      case INVALID_NAMESPACE -> "Invalid Namespace or Format";
      case COMMAND_SEQUENCE_ERROR -> "Command Sequence Error";
      case INVALID_SGL_SEGMENT -> "Invalid SGL Segment Descriptor";
      case INVALID_SGL_COUNT -> "Invalid Number of SGL Descriptors";
      case SGL_DATA_LENGTH_INVALID -> "Data SGL Length Invalid";
      case SGL_METADATA_LENGTH_INVALID -> "Metadata SGL Length Invalid";
      case SGL_TYPE_INVALID -> "SGL Descriptor Type Invalid";
      case INVALID_CMB_USE -> "Invalid Use of Controller Memory Buffer";
      case PRP_OFFSET_INVALID -> "PRP Offset Invalid";
      case ATOMIC_WRITE_UNIT_EXCEEDED -> "Atomic Write Unit Exceeded";
      case OPERATION_DENIED -> "Operation Denied";
      case SGL_OFFSET_INVALID -> "SGL Offset Invalid";
      case SGL_GRANULARITY_INVALID -> "SGL Data Block Granularity Invalid";
      case NAMESPACE_WRITE_PROTECTED -> "Namespace is Write Protected";
      case COMMAND_INTERRUPTED -> "Command Interrupted";
      case TRANSIENT_TRANSPORT_ERROR -> "Transient Transport Error";
      case LBA_OUT_OF_RANGE -> "LBA Out of Range";
      case CAPACITY_EXCEEDED -> "Capacity Exceeded";
      case NAMESPACE_NOT_READY -> "Namespace Not Ready";
      case RESERVATION_CONFLICT -> "Reservation Conflict";
      case FORMAT_IN_PROGRESS -> "Format in Progress";
      case COMPLETION_QUEUE_INVALID -> "Completion Queue Invalid";
      case INVALID_QUEUE_ID -> "Invalid Queue Identifier";
      case INVALID_QUEUE_SIZE -> "Invalid Queue Size";
      case ABORT_LIMIT_EXCEEDED -> "Abort Command Limit Exceeded";
      case ASYNC_EVENT_LIMIT_EXCEEDED -> "Asynchronous Event Request Limit Exceeded";
      case INVALID_FIRMWARE_SLOT -> "Invalid Firmware Slot";
      case INVALID_FIRMWARE_IMAGE -> "Invalid Firmware Image";
      case INVALID_INTERRUPT_VECTOR -> "Invalid Interrupt Vector";
      case INVALID_LOG_PAGE -> "Invalid Log Page";
      case INVALID_FORMAT -> "Invalid Format";
      case INVALID_QUEUE_DELETION -> "Invalid Queue Deletion";
      case FEATURE_NOT_SAVEABLE -> "Feature Identifier Not Saveable";
      case FEATURE_NOT_CHANGEABLE -> "Feature Not Changeable";
      case FEATURE_NOT_NAMESPACE_SPECIFIC -> "Feature Not Namespace Specific";
      case OVERLAPPING_RANGE -> "Overlapping Range";
      case INSUFFICIENT_CAPACITY -> "Namespace Insufficient Capacity";
      case NAMESPACE_ID_UNAVAILABLE -> "Namespace Identifier Unavailable";
      case NAMESPACE_ALREADY_ATTACHED -> "Namespace Already Attached";
      case NAMESPACE_PRIVATE -> "Namespace Is Private";
      case NAMESPACE_NOT_ATTACHED -> "Namespace Not Attached";
      case CONTROLLER_LIST_INVALID -> "Controller List Invalid";
      case INVALID_CONTROLLER_ID -> "Invalid Controller Identifier";
      case CONFLICTING_ATTRIBUTES -> "Conflicting Attributes";
      case INVALID_PROTECTION_INFORMATION -> "Invalid Protection Information";
      case READ_ONLY_RANGE -> "Attempted Write to Read Only Range";
      case WRITE_FAULT -> "Write Fault";
      case UNRECOVERED_READ_ERROR -> "Unrecovered Read Error";
      case GUARD_CHECK_ERROR -> "End-to-end Guard Check Error";
      case APPLICATION_TAG_CHECK_ERROR -> "End-to-end Application Tag Check Error";
      case REFERENCE_TAG_CHECK_ERROR -> "End-to-end Reference Tag Check Error";
      case COMPARE_FAILURE -> "Compare Failure";
      case ACCESS_DENIED -> "Access Denied";
      case DEALLOCATED_BLOCK -> "Deallocated or Unwritten Logical Block";
      case INTERNAL_PATH_ERROR -> "Internal Path Error";
      case CONTROLLER_PATHING_ERROR -> "Controller Pathing Error";
      case HOST_PATHING_ERROR -> "Host Pathing Error";
      case ABORTED_BY_HOST -> "Command Aborted By Host";
      default -> codeType(status) == 7 ? "Vendor Specific" : "Unknown Status";
    };
  }

  /** Name, codes and the "do not retry" flag, for messages. */
  public static String describe(int status) {
    return "%s (SCT %xh, SC %02xh%s)"
        .formatted(
            name(status),
            codeType(status),
            code(status),
            doNotRetry(status) ? ", do not retry" : "");
  }
}
