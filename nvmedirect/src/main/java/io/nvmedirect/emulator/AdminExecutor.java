package io.nvmedirect.emulator;

import io.nvmedirect.spec.Cns;
import io.nvmedirect.spec.Feature;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.lang.foreign.MemorySegment;

/** Executes the admin command set (NVMe 1.4, section 5). Owned by the engine. */
final class AdminExecutor {

  /** Instead of a status: the command completes later, or never. */
  static final int NO_COMPLETION = -1;

  private static final int ALL_NAMESPACES = 0xFFFF_FFFF;
  private static final int NOT_ABORTED = 1;

  private final EmulatedController controller;
  private final Subsystem subsystem;
  private final Traits traits;
  private final EmulatedNamespace[] namespaces;
  private final QueueCommands queueCommands;
  private final DeviceQueues queues;
  private final InFlight inFlight;
  private final Features features;
  private final AsyncEvents events;
  private final IdentifyPages identify;
  private final LogPages logs;
  private final NvmExecutor nvm;
  private final DataPointer data;
  private final long maxTransferBytes;
  private final Bytes page = new Bytes();
  private int result;

  AdminExecutor(
      EmulatedController controller,
      Subsystem subsystem,
      Traits traits,
      EmulatedNamespace[] namespaces,
      DeviceQueues queues,
      InFlight inFlight,
      Features features,
      AsyncEvents events,
      IdentifyPages identify,
      LogPages logs,
      NvmExecutor nvm,
      DataPointer data) {
    this.controller = controller;
    this.namespaces = namespaces;
    this.queues = queues;
    this.queueCommands = new QueueCommands(controller, queues, inFlight, features);
    this.inFlight = inFlight;
    this.features = features;
    this.events = events;
    this.identify = identify;
    this.logs = logs;
    this.nvm = nvm;
    this.data = data;
    this.subsystem = subsystem;
    this.traits = traits;
    this.maxTransferBytes = traits.maxTransferBytes();
  }

  /** DW0 of the completion of the last command. */
  int result() {
    return result;
  }

  static boolean isSupported(int opcode, Traits traits) {
    return switch (opcode) {
      case Opcode.DOORBELL_BUFFER_CONFIG -> traits.shadow();
      case Opcode.FORMAT_NVM -> traits.local();
      case Opcode.DELETE_IO_SQ,
          Opcode.CREATE_IO_SQ,
          Opcode.GET_LOG_PAGE,
          Opcode.DELETE_IO_CQ,
          Opcode.CREATE_IO_CQ,
          Opcode.IDENTIFY,
          Opcode.ABORT,
          Opcode.SET_FEATURES,
          Opcode.GET_FEATURES,
          Opcode.ASYNC_EVENT_REQUEST ->
          true;
      default -> false;
    };
  }

  /**
   * Executes a command.
   *
   * @return its status, or {@link #NO_COMPLETION}
   */
  int execute(MemorySegment command) {
    result = 0;
    int opcode = Sqe.opcode(command, 0);
    if (!isSupported(opcode, traits)) {
      return Status.INVALID_OPCODE | Status.DNR;
    }
    // Section 4.4: admin commands of a PCIe controller use PRPs.
    if (Sqe.fuse(command, 0) != 0 || Sqe.psdt(command, 0) != Sqe.PSDT_PRP) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    return switch (opcode) {
      case Opcode.CREATE_IO_CQ -> queueCommands.createCompletion(command);
      case Opcode.CREATE_IO_SQ -> queueCommands.createSubmission(command);
      case Opcode.DELETE_IO_CQ -> queueCommands.deleteCompletion(command);
      case Opcode.DELETE_IO_SQ -> queueCommands.deleteSubmission(command);
      case Opcode.DOORBELL_BUFFER_CONFIG -> queueCommands.doorbellBufferConfig(command);
      case Opcode.IDENTIFY -> identify(command);
      case Opcode.GET_LOG_PAGE -> getLogPage(command);
      case Opcode.SET_FEATURES -> setFeatures(command);
      case Opcode.GET_FEATURES -> getFeatures(command);
      case Opcode.ABORT -> abort(Sqe.cdw10(command, 0));
      case Opcode.ASYNC_EVENT_REQUEST -> events.request(Sqe.commandId(command, 0));
      default -> format(command);
    };
  }

  private int identify(MemorySegment command) {
    int status = identify.compose(command, page);
    if (status == Status.SUCCESS) {
      status = transfer(command, 0, Bytes.PAGE_BYTES);
    }
    if (status == Status.SUCCESS && (Sqe.cdw10(command, 0) & 0xFF) == Cns.NAMESPACE) {
      nvm.identified(Sqe.nsid(command, 0));
    }
    return status;
  }

  private int getLogPage(MemorySegment command) {
    int status = logs.compose(command, page, maxTransferBytes);
    if (status == Status.SUCCESS) {
      status = transfer(command, logs.offset(), logs.lengthBytes());
    }
    if (status == Status.SUCCESS) {
      logs.transferred(command);
    }
    return status;
  }

  private int transfer(MemorySegment command, long offset, int lengthBytes) {
    if (lengthBytes == 0) {
      return Status.SUCCESS;
    }
    int status = data.resolve(command, lengthBytes);
    return status != Status.SUCCESS
        ? status
        : data.toHost(page.memory.asSlice(offset, lengthBytes));
  }

  private int setFeatures(MemorySegment command) {
    int status = features.set(command, queues.ioQueuesExist());
    result = features.result();
    int feature = Sqe.cdw10(command, 0) & 0xFF;
    if (feature == Feature.TEMPERATURE_THRESHOLD || feature == Feature.ASYNC_EVENT_CONFIGURATION) {
      warn();
    }
    return status;
  }

  /** A critical warning that holds when the host asks for it is an event, once. */
  private void warn() {
    if (features.warns()) {
      events.raise(AsyncEvents.TEMPERATURE);
    }
  }

  private int getFeatures(MemorySegment command) {
    int status = features.get(command);
    result = features.result();
    return status;
  }

  /** Figure 142: CID in 31:16, SQID in 15:0; bit 0 of the result says "not aborted". */
  private int abort(int cdw10) {
    int sqid = cdw10 & 0xFFFF;
    int cid = cdw10 >>> 16;
    if (sqid == 0 && abortEventRequest(cid)) {
      return Status.SUCCESS;
    }
    result = inFlight.abort(sqid, cid) ? 0 : NOT_ABORTED;
    return Status.SUCCESS;
  }

  private boolean abortEventRequest(int cid) {
    DeviceSubmissionQueue admin = queues.submission(0);
    // Its completion comes before the one of the Abort, for which there is an entry already.
    return admin != null && events.isRequested(cid) && inFlight.endEventRequest(admin, events, cid);
  }

  /** Figure 328: LBAF in 3:0, MSET 4, PI 7:5, PIL 8, SES 11:9. */
  private int format(MemorySegment command) {
    int cdw10 = Sqe.cdw10(command, 0);
    int nsid = Sqe.nsid(command, 0);
    int format = cdw10 & 0xF;
    boolean all = nsid == ALL_NAMESPACES;
    if (!all && (nsid <= 0 || nsid > namespaces.length)) {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    boolean plain = (cdw10 >>> 4 & 0x1F) == 0;
    int first = all ? 1 : nsid;
    int last = all ? namespaces.length : nsid;
    if (!plain || !fits(format, first, last)) {
      return Status.INVALID_FORMAT | Status.DNR;
    }
    if ((cdw10 >>> 9 & 7) > 1) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    if (traits.readOnly()) {
      return Status.NAMESPACE_WRITE_PROTECTED | Status.DNR;
    }
    int refusal = refuseFormat(first, last);
    if (refusal != Status.SUCCESS) {
      return refusal;
    }
    int status = Status.SUCCESS;
    for (int i = first; i <= last; i++) {
      if (status == Status.SUCCESS) {
        status = formatOne(namespaces[i - 1], format);
      }
    }
    return status;
  }

  /**
   * The status that Format NVM fails with while somebody uses a namespace; 0 if nobody does.
   *
   * <p>A host that has a namespace open counts in its blocks, and would transfer other lengths than it
   * means. The specification leaves that to the hosts and has no status for it. Reservation Conflict is
   * the one that says what it is, another host holds the namespace, and what hosts are prepared for from
   * Format NVM (section 8.8). It is without DNR, for it helps to ask again when that host has gone. That
   * no command of the same controller may be outstanding the Commands Supported and Effects log says.
   */
  private int refuseFormat(int first, int last) {
    for (int i = first; i <= last; i++) {
      if (subsystem.isHeldByOthers(controller, namespaces[i - 1])) {
        return Status.RESERVATION_CONFLICT;
      }
    }
    return queues.hasIoCommands() || inFlight.hasIoCommands()
        ? Status.COMMAND_SEQUENCE_ERROR
        : Status.SUCCESS;
  }

  /** Whether the host sees a namespace. */
  boolean sees(EmulatedNamespace namespace) {
    for (EmulatedNamespace seen : namespaces) {
      if (seen.number == namespace.number) {
        return true;
      }
    }
    return false;
  }

  private boolean fits(int format, int first, int last) {
    for (int i = first; i <= last; i++) {
      if (format >= namespaces[i - 1].formats() || !namespaces[i - 1].fits(format)) {
        return false;
      }
    }
    return true;
  }

  private int formatOne(EmulatedNamespace namespace, int format) {
    int status = nvm.format(namespace, format);
    if (status == Status.SUCCESS) {
      subsystem.namespaceChanged(namespace);
    }
    return status;
  }

  /** A namespace is not what it was: the host is told, if it sees that namespace and wants to know. */
  void namespaceChanged(EmulatedNamespace namespace) {
    for (int i = 0; i < namespaces.length; i++) {
      if (namespaces[i].number == namespace.number) {
        logs.namespaceChanged(i + 1);
        if (features.reports(Features.EVENT_NAMESPACE)) {
          events.raise(AsyncEvents.NAMESPACE_CHANGED);
        }
      }
    }
  }
}
