package io.nvmedirect.emulator;

import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.lang.foreign.MemorySegment;

/**
 * Create and Delete I/O Submission and Completion Queue, and Doorbell Buffer Config (NVMe 1.4,
 * sections 5.3 to 5.7). Owned by the engine.
 */
final class QueueCommands {

  private static final int CONTIGUOUS = 1;
  private static final int INTERRUPTS_ENABLED = 1 << 1;
  private static final long PAGE_MASK = 4095;

  private final EmulatedController controller;
  private final DeviceQueues queues;
  private final InFlight inFlight;
  private final Features features;

  QueueCommands(
      EmulatedController controller, DeviceQueues queues, InFlight inFlight, Features features) {
    this.controller = controller;
    this.queues = queues;
    this.inFlight = inFlight;
    this.features = features;
  }

  /** Figures 151 and 152: QSIZE and QID in CDW10; IV, IEN and PC in CDW11. */
  int createCompletion(MemorySegment command) {
    int id = Sqe.cdw10(command, 0) & 0xFFFF;
    int cdw11 = Sqe.cdw11(command, 0);
    int vector = cdw11 >>> 16;
    if (id == 0 || id > features.completionQueues() || queues.completion(id) != null) {
      return Status.INVALID_QUEUE_ID | Status.DNR;
    }
    int status = checkMemory(command, cdw11);
    if (status != Status.SUCCESS) {
      return status;
    }
    boolean interrupts = (cdw11 & INTERRUPTS_ENABLED) != 0;
    // Without interrupts IV is 0, also where there is no vector 0.
    if (vector >= features.vectors() && (interrupts || vector != 0)) {
      return Status.INVALID_INTERRUPT_VECTOR | Status.DNR;
    }
    boolean created =
        queues.createCompletion(
                id,
                entries(command),
                interrupts ? vector : DeviceCompletionQueue.NO_VECTOR,
                Sqe.prp1(command, 0))
            != null;
    return created ? Status.SUCCESS : Status.DATA_TRANSFER_ERROR;
  }

  /** Figures 155 and 156: QSIZE and QID in CDW10; CQID, QPRIO and PC in CDW11. */
  int createSubmission(MemorySegment command) {
    int id = Sqe.cdw10(command, 0) & 0xFFFF;
    int cdw11 = Sqe.cdw11(command, 0);
    int cqid = cdw11 >>> 16;
    if (id == 0 || id > features.submissionQueues() || queues.submission(id) != null) {
      return Status.INVALID_QUEUE_ID | Status.DNR;
    }
    if (cqid == 0 || cqid > features.completionQueues()) {
      return Status.INVALID_QUEUE_ID | Status.DNR;
    }
    DeviceCompletionQueue completions = queues.completion(cqid);
    if (completions == null) {
      return Status.COMPLETION_QUEUE_INVALID | Status.DNR;
    }
    int status = checkMemory(command, cdw11);
    if (status != Status.SUCCESS) {
      return status;
    }
    int priority = cdw11 >>> 1 & 3;
    return queues.createSubmission(
            id, entries(command), priority, completions, Sqe.prp1(command, 0))
        ? Status.SUCCESS
        : Status.DATA_TRANSFER_ERROR;
  }

  private static int entries(MemorySegment command) {
    return (Sqe.cdw10(command, 0) >>> 16) + 1;
  }

  /** CAP.CQR: a queue is one piece of memory, from the begin of a page. */
  private static int checkMemory(MemorySegment command, int cdw11) {
    int entries = entries(command);
    if (entries < 2 || entries > DeviceQueues.MAX_ENTRIES) {
      return Status.INVALID_QUEUE_SIZE | Status.DNR;
    }
    if ((cdw11 & CONTIGUOUS) == 0) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    return (Sqe.prp1(command, 0) & PAGE_MASK) != 0
        ? Status.PRP_OFFSET_INVALID | Status.DNR
        : Status.SUCCESS;
  }

  int deleteSubmission(MemorySegment command) {
    int id = Sqe.cdw10(command, 0) & 0xFFFF;
    DeviceSubmissionQueue queue = queues.submission(id);
    if (id == 0 || queue == null) {
      return Status.INVALID_QUEUE_ID | Status.DNR;
    }
    inFlight.abortAll(queue);
    controller.orphan(queue);
    queues.deleteSubmission(queue);
    return Status.SUCCESS;
  }

  int deleteCompletion(MemorySegment command) {
    int id = Sqe.cdw10(command, 0) & 0xFFFF;
    DeviceCompletionQueue queue = queues.completion(id);
    if (id == 0 || queue == null) {
      return Status.INVALID_QUEUE_ID | Status.DNR;
    }
    if (queue.users != 0) {
      return Status.INVALID_QUEUE_DELETION | Status.DNR;
    }
    queues.deleteCompletion(queue);
    return Status.SUCCESS;
  }

  /** PRP1 is the shadow doorbell page, PRP2 the EventIdx page. */
  int doorbellBufferConfig(MemorySegment command) {
    long shadow = Sqe.prp1(command, 0);
    long events = Sqe.prp2(command, 0);
    if (((shadow | events) & PAGE_MASK) != 0) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    return queues.useShadowDoorbells(shadow, events) ? Status.SUCCESS : Status.DATA_TRANSFER_ERROR;
  }
}
