package io.nvmedirect.spec;

/** Command opcodes (NVMe 1.4, figures 139 and 346). Admin and I/O opcodes are separate number spaces. */
public final class Opcode {

  // Admin command set.
  public static final int DELETE_IO_SQ = 0x00;
  public static final int CREATE_IO_SQ = 0x01;
  public static final int GET_LOG_PAGE = 0x02;
  public static final int DELETE_IO_CQ = 0x04;
  public static final int CREATE_IO_CQ = 0x05;
  public static final int IDENTIFY = 0x06;
  public static final int ABORT = 0x08;
  public static final int SET_FEATURES = 0x09;
  public static final int GET_FEATURES = 0x0A;
  public static final int ASYNC_EVENT_REQUEST = 0x0C;
  public static final int NAMESPACE_ATTACHMENT = 0x15;
  public static final int DOORBELL_BUFFER_CONFIG = 0x7C;
  public static final int FORMAT_NVM = 0x80;

  // NVM command set.
  public static final int FLUSH = 0x00;
  public static final int WRITE = 0x01;
  public static final int READ = 0x02;
  public static final int WRITE_UNCORRECTABLE = 0x04;
  public static final int COMPARE = 0x05;
  public static final int WRITE_ZEROES = 0x08;
  public static final int DATASET_MANAGEMENT = 0x09;
  public static final int VERIFY = 0x0C;

  private Opcode() {}

  /** The specification's name of an admin opcode. */
  public static String adminName(int opcode) {
    return switch (opcode) {
      case DELETE_IO_SQ -> "Delete I/O Submission Queue";
      case CREATE_IO_SQ -> "Create I/O Submission Queue";
      case GET_LOG_PAGE -> "Get Log Page";
      case DELETE_IO_CQ -> "Delete I/O Completion Queue";
      case CREATE_IO_CQ -> "Create I/O Completion Queue";
      case IDENTIFY -> "Identify";
      case ABORT -> "Abort";
      case SET_FEATURES -> "Set Features";
      case GET_FEATURES -> "Get Features";
      case ASYNC_EVENT_REQUEST -> "Asynchronous Event Request";
      case NAMESPACE_ATTACHMENT -> "Namespace Attachment";
      case DOORBELL_BUFFER_CONFIG -> "Doorbell Buffer Config";
      case FORMAT_NVM -> "Format NVM";
      default -> "admin opcode 0x%02x".formatted(opcode);
    };
  }

  /** The specification's name of an NVM command set opcode. */
  public static String ioName(int opcode) {
    return switch (opcode) {
      case FLUSH -> "Flush";
      case WRITE -> "Write";
      case READ -> "Read";
      case WRITE_UNCORRECTABLE -> "Write Uncorrectable";
      case COMPARE -> "Compare";
      case WRITE_ZEROES -> "Write Zeroes";
      case DATASET_MANAGEMENT -> "Dataset Management";
      case VERIFY -> "Verify";
      default -> "I/O opcode 0x%02x".formatted(opcode);
    };
  }
}
