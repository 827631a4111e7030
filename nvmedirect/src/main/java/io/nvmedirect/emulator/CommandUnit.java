package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Takes one command from its fetch to its completion: injected faults, execution, the error log, and
 * the time that the media takes. Owned by the engine; only {@link #inject} is for any thread.
 */
final class CommandUnit {

  /** Instead of a status: {@link Forwarding#PENDING}, {@link AdminExecutor#NO_COMPLETION}, or dropped. */
  private static final int NO_COMPLETION = FaultInjector.DROP;

  private final Traits traits;
  private final AdminExecutor admin;
  private final NvmExecutor nvm;
  private final InFlight inFlight;
  private final CompletionPoster poster;
  private final Health health;
  private final EmulatedNamespace[] namespaces;
  private final @Nullable DeviceModel model;
  private final Clock clock;
  private final MemorySegment command = Arena.ofAuto().allocate(Sqe.BYTES, Sqe.BYTES);

  /** The command in hand completes twice. */
  private boolean twice;

  private int cost;
  private int result;

  /** Volatile so that a test's thread can set it at any time. */
  private volatile @Nullable FaultInjector injector;

  CommandUnit(
      Traits traits,
      AdminExecutor admin,
      NvmExecutor nvm,
      InFlight inFlight,
      CompletionPoster poster,
      Health health,
      EmulatedNamespace[] namespaces,
      @Nullable DeviceModel model,
      Clock clock) {
    this.traits = traits;
    this.admin = admin;
    this.nvm = nvm;
    this.inFlight = inFlight;
    this.poster = poster;
    this.health = health;
    this.namespaces = namespaces;
    this.model = model;
    this.clock = clock;
  }

  /** Consults an injector before every command from now on; null for none. */
  void inject(@Nullable FaultInjector faults) {
    injector = faults;
  }

  /**
   * Fetches and executes the command at the head of a queue.
   *
   * @return {@link FaultInjector#NONE}, or what becomes of the controller: {@link
   *     FaultInjector#FATAL} also if the queue's memory is gone
   */
  int execute(DeviceSubmissionQueue queue) {
    cost = 1;
    if (!queue.fetch(command)) {
      return FaultInjector.FATAL;
    }
    int cid = Sqe.commandId(command, 0);
    result = 0;
    int status;
    try {
      status = perform(queue, cid);
    } catch (Error e) {
      status = thrown(e);
    }
    if (status < 0) {
      return status == NO_COMPLETION ? FaultInjector.NONE : status;
    }
    if (status != Status.SUCCESS) {
      status = recorded(queue, command, status);
    }
    complete(queue, cid, result, status);
    if (twice) {
      twice = false;
      if (queue.completions.hasRoom()) {
        poster.post(queue, cid, result, status);
      }
    }
    return FaultInjector.NONE;
  }

  /** The status of the command, {@link #NO_COMPLETION}, or what becomes of the controller. */
  private int perform(DeviceSubmissionQueue queue, int cid) {
    FaultInjector faults = injector;
    int fault = faults == null ? FaultInjector.NONE : injected(faults, queue, cid);
    twice = fault == FaultInjector.DUPLICATE;
    if (fault != FaultInjector.NONE && !twice) {
      return fault;
    }
    int status;
    if (queue.id != 0) {
      status = nvm.execute(queue, command);
      cost = nvm.cost();
    } else {
      status = admin.execute(command);
      result = admin.result();
    }
    return status;
  }

  /**
   * The status of a command that an error has ended: there was no memory for it, or no stack. Others can
   * go on. That memory of the host's is gone (SIGBUS) is its own affair here, and for hosts in other
   * processes the server's, which finds out whose it was.
   */
  private int thrown(Error e) {
    if (e instanceof InternalError) {
      if (traits.shared()) {
        throw e;
      }
      return Status.DATA_TRANSFER_ERROR;
    }
    try {
      EmulatedController.log("a command failed", e);
    } catch (RuntimeException | Error _) {
      // Not even that has memory: the status tells it.
    }
    return Status.INTERNAL_ERROR;
  }

  /** About how long the last command took, in units of a small one: 1 or more. */
  int cost() {
    return cost;
  }

  /** The status to fail a command with; negative if there is nothing to complete. */
  private int injected(FaultInjector faults, DeviceSubmissionQueue queue, int cid) {
    int opcode = Sqe.opcode(command, 0);
    boolean hasBlocks = queue.id != 0 && hasBlocks(opcode);
    int fault =
        faults.onCommand(
            queue.id,
            opcode,
            Sqe.nsid(command, 0),
            hasBlocks ? Sqe.slba(command, 0) : 0,
            hasBlocks ? Sqe.blocks(command, 0) : 0);
    if (fault == FaultInjector.DROP) {
      inFlight.drop(queue, cid);
    }
    return fault;
  }

  private boolean hasBlocks(int opcode) {
    return opcode != Opcode.FLUSH && opcode != Opcode.DATASET_MANAGEMENT && traits.offers(opcode);
  }

  private int recorded(DeviceSubmissionQueue queue, MemorySegment failed, int status) {
    int withMore = status | Status.MORE;
    boolean blocks = queue.id != 0 && hasBlocks(Sqe.opcode(failed, 0));
    long lba = blocks ? Sqe.slba(failed, 0) : 0;
    try {
      health.error(queue.id, Sqe.commandId(failed, 0), withMore, lba, Sqe.nsid(failed, 0));
    } catch (OutOfMemoryError e) {
      return status; // which has no entry in the log then
    }
    return withMore;
  }

  private void count(MemorySegment executed) {
    int opcode = Sqe.opcode(executed, 0);
    if (opcode == Opcode.WRITE) {
      health.wrote(bytes(executed));
    } else if (opcode == Opcode.READ || opcode == Opcode.COMPARE) {
      health.read(bytes(executed));
    }
  }

  private long bytes(MemorySegment executed) {
    return namespaces[Sqe.nsid(executed, 0) - 1].bytes(Sqe.blocks(executed, 0));
  }

  /** Completes a command that another device has executed. */
  void completeForwarded(DeviceSubmissionQueue queue, MemorySegment executed, int status) {
    int reported = status;
    if (status != Status.SUCCESS) {
      reported = recorded(queue, executed, status);
    } else {
      count(executed);
    }
    poster.post(queue, Sqe.commandId(executed, 0), 0, reported);
  }

  private void complete(DeviceSubmissionQueue queue, int cid, int result, int status) {
    if (model == null || queue.id == 0 || status != Status.SUCCESS) {
      poster.post(queue, cid, result, status);
    } else {
      inFlight.add(dueNs(model), queue, cid, status);
    }
  }

  private long dueNs(DeviceModel of) {
    int opcode = Sqe.opcode(command, 0);
    if (!hasBlocks(opcode)) {
      return of.dueNs(opcode, 0, 0, clock.nanoTime());
    }
    EmulatedNamespace namespace = namespaces[Sqe.nsid(command, 0) - 1];
    return of.dueNs(
        opcode,
        namespace.position(Sqe.slba(command, 0)),
        namespace.bytes(Sqe.blocks(command, 0)),
        clock.nanoTime());
  }
}
