package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The controller: its state (NVMe 1.4, sections 3.1.5, 3.1.6 and 7.3 to 7.6), arbitration, and the
 * execution of commands. Belongs to an engine, which calls it from one thread at a time; only {@link
 * #inject} is for any thread.
 *
 * <p>Nothing that the host does comes out as an exception: a command that cannot be executed fails
 * with a status, and a queue whose memory is gone is a fatal controller status.
 */
final class EmulatedController {

  private static final System.Logger LOGGER = SafeLogger.of(EmulatedController.class);

  private static final int CSS_MASK = 7 << 4;
  private static final int MPS_MASK = 0xF << 7;
  private static final int SQE_SIZE = 6 << 16;
  private static final int CQE_SIZE = 4 << 20;
  private static final int ENTRY_SIZES_MASK = 0xFF << 16;
  private static final int RESERVED_QUEUE_BITS = 0xF000_F000;
  private static final long PAGE_MASK = 4095;

  /** Polls between two looks at the doorbells without a queue, for a controller that never sleeps. */
  private static final int STRAY_POLLS = 4096;

  /** No register's offset: for tests, runs what {@link #changeElsewhere} was given. */
  static final int CHANGE_ELSEWHERE = -1;

  private final Clock clock;
  final RegisterFile registers;
  private final DeviceQueues queues;
  private final CompletionPoster poster;
  private final InFlight inFlight;
  private final Features features;
  private final AsyncEvents events;
  private final LogPages logs;
  private final Health health;
  private final CommandUnit commands;
  private final Arbitration arbitration;

  /** CNTLID. */
  final int id;

  private final AdminExecutor admin;
  private final NvmExecutor nvm;
  private final EmulatedNamespace[] namespaces;
  private final Media media;

  /** Whether a server's thread polls it, for a host in another process. */
  private final boolean shared;

  private final @Nullable Forwarding forwarding;
  private final Interrupts interrupts;

  /** Volatile so that a test's thread sees it. */
  private volatile @Nullable RuntimeException defect;

  private volatile @Nullable Runnable changeElsewhere;

  private int cc;
  private boolean running;

  /** What happens when the commands that another device executes have ended. */
  private Ending ending = Ending.NONE;

  /** With {@link Ending#START}: commands without an owner up to this one of them are waited for. */
  private long orphansBefore;

  /** With {@link Ending#RESET}: the host has written CC.SHN since. */
  private boolean shutdownAfterReset;

  /** With {@link Ending#SHUTDOWN}: namespaces whose flush has begun. */
  private int flushing;

  private boolean hung;
  private int polls;

  /** What the host has asked for that has to wait for another device; nobody stands still meanwhile. */
  private enum Ending {
    NONE,
    START,
    RESET,
    SHUTDOWN,
    SHUTDOWN_FLUSH
  }

  /**
   * @param namespaces that the host sees, by NSID − 1
   */
  EmulatedController(
      Subsystem subsystem,
      Traits traits,
      EmulatedNamespace[] namespaces,
      RegisterFile registers,
      Interrupts interrupts,
      Iommu iommu,
      DoorbellPage doorbells) {
    this.id = subsystem.freeControllerId();
    this.clock = subsystem.clock();
    this.namespaces = namespaces;
    this.media = subsystem.media();
    this.shared = traits.shared();
    this.forwarding = subsystem.forwarding();
    this.registers = registers;
    this.interrupts = interrupts;
    queues = new DeviceQueues(iommu, doorbells);
    poster = new CompletionPoster(interrupts);
    inFlight = new InFlight(poster);
    features = new Features(traits, namespaces.length);
    events = new AsyncEvents();
    health = new Health(clock);
    logs = new LogPages(traits, health, features, events);
    DataPointer data = new DataPointer(iommu, traits.sgl() == EmulatorOptions.Sgl.DWORD ? 4 : 1);
    nvm = new NvmExecutor(this, traits, namespaces, media, forwarding, data, features, health);
    IdentifyPages identify = new IdentifyPages(traits, namespaces, subsystem, id);
    admin =
        new AdminExecutor(
            this,
            subsystem,
            traits,
            namespaces,
            queues,
            inFlight,
            features,
            events,
            identify,
            logs,
            nvm,
            data);
    commands =
        new CommandUnit(
            traits, admin, nvm, inFlight, poster, health, namespaces, subsystem.model(), clock);
    arbitration =
        new Arbitration(this, queues, commands, inFlight, forwarding, features, events, health);
  }

  /** Consults an injector before every command from now on; null for none. */
  void inject(@Nullable FaultInjector faults) {
    commands.inject(faults);
  }

  /** For tests: what happens when {@link #CHANGE_ELSEWHERE} is written. */
  void changeElsewhere(Runnable change) {
    changeElsewhere = change;
  }

  /** See {@link Arbitration#shareThread}. */
  void shareThread() {
    arbitration.shareThread();
  }

  /** For tests: an exception that no host should be able to cause; null if there was none. */
  @Nullable RuntimeException defect() {
    return defect;
  }

  // ---- Registers.

  /** Acts on a register that the host has written. */
  void registerWritten(int offset, int value) {
    try {
      act(offset, value);
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  private void act(int offset, int value) {
    switch (offset) {
      case Register.CC -> configure(value);
      case Register.NSSR -> resetSubsystem();
      case CHANGE_ELSEWHERE -> {
        Runnable change = changeElsewhere;
        if (change != null) {
          change.run();
          if (running) {
            finish();
          }
        }
      }
      case Register.CSTS -> {
        if ((value & Register.CSTS_SUBSYSTEM_RESET) != 0) { // written with 1 to clear it
          registers.status(registers.status() & ~Register.CSTS_SUBSYSTEM_RESET);
        }
      }
      default -> {}
    }
  }

  private void configure(int value) {
    if (hung) {
      return;
    }
    int before = cc;
    cc = value;
    boolean enabled = (value & Register.CC_ENABLE) != 0;
    boolean wasEnabled = (before & Register.CC_ENABLE) != 0;
    if (wasEnabled && !enabled) {
      reset();
    } else if (enabled && !wasEnabled && ending == Ending.NONE) {
      start(value);
    }
    int shutdown = value & Register.CC_SHUTDOWN_MASK;
    if (shutdown != (before & Register.CC_SHUTDOWN_MASK)) {
      shutDown(shutdown);
    }
  }

  /** Controller reset: queues, features and events are gone; data and logs stay. */
  private void reset() {
    running = false;
    if (forwarding != null && forwarding.isBusy(this)) {
      ending = Ending.RESET; // CSTS.RDY stays until nothing of the host's is under way
      shutdownAfterReset = false;
      return;
    }
    ending = Ending.NONE;
    shutdownAfterReset = false;
    queues.clear();
    inFlight.clear();
    poster.reset();
    events.reset();
    logs.reset();
    nvm.reset();
    features.reset();
    interrupts.reset();
    registers.status(registers.status() & Register.CSTS_SUBSYSTEM_RESET);
  }

  /** NVM subsystem reset: a controller reset that needs no CC, as after a loss of power. */
  private void resetSubsystem() {
    if (running) {
      health.unsafeShutdowns++;
    }
    health.powerCycles++;
    hung = false;
    cc = 0;
    reset();
    registers.status(Register.CSTS_SUBSYSTEM_RESET);
  }

  /** A reset of the PCI function: as when it was made, but for the health. */
  void resetFunction() {
    if (forwarding != null) {
      // Their data would go to memory that the host uses for something else after this.
      forwarding.orphan(this, null);
    }
    registers.clear();
    hung = false;
    cc = 0;
    reset();
    registers.status(0);
  }

  /**
   * Enables the controller once the commands that have lost their owner so far have ended, a former
   * host's or this one's, so that they do not overtake what comes now.
   */
  private void start(int value) {
    if (forwarding != null && forwarding.hasOrphans(forwarding.orphans())) {
      orphansBefore = forwarding.orphans();
      ending = Ending.START;
    } else {
      enable(value);
    }
  }

  private void enable(int value) {
    int chosen = value & Register.CC_ARBITRATION_MASK;
    boolean byWeight =
        chosen == Register.CC_WEIGHTED_ROUND_ROBIN && registers.offersWeightedRoundRobin();
    boolean supported =
        (value & (CSS_MASK | MPS_MASK)) == 0
            && (chosen == 0 || byWeight)
            && (value & ENTRY_SIZES_MASK) == (SQE_SIZE | CQE_SIZE);
    if (!supported || !createAdminQueues()) {
      fail();
      return;
    }
    arbitration.choose(byWeight);
    running = true;
    registers.status(registers.status() | Register.CSTS_READY);
  }

  private boolean createAdminQueues() {
    int aqa = registers.adminQueueAttributes();
    int submissionEntries = (aqa & 0xFFF) + 1;
    int completionEntries = (aqa >>> 16 & 0xFFF) + 1;
    long asq = registers.adminSubmissionQueue();
    long acq = registers.adminCompletionQueue();
    boolean valid = submissionEntries >= 2 && completionEntries >= 2;
    if (!valid || (aqa & RESERVED_QUEUE_BITS) != 0 || ((asq | acq) & PAGE_MASK) != 0) {
      return false;
    }
    DeviceCompletionQueue completions = queues.createCompletion(0, completionEntries, 0, acq);
    return completions != null
        && queues.createSubmission(
            0, submissionEntries, DeviceSubmissionQueue.ADMIN, completions, asq);
  }

  private void fail() {
    running = false;
    registers.status(registers.status() | Register.CSTS_FATAL);
  }

  /**
   * The memory of a queue was freed under the controller, or there is none left for what was to be done;
   * anything else is a defect in here. The host learns of it by CSTS.CFS, and can reset the controller.
   */
  private void fail(Throwable cause) {
    if (cause instanceof InternalError fault && shared) {
      throw fault; // whose memory is gone the server finds out
    }
    fail();
    if (cause instanceof IllegalStateException) {
      return;
    }
    if (cause instanceof RuntimeException e) {
      defect = e;
    }
    try {
      log("the emulated controller failed", cause);
    } catch (RuntimeException | Error _) {
      // Not even that has memory: CSTS.CFS tells it.
    }
  }

  /** What an engine's thread could not foresee: it goes on. */
  void threw(Throwable cause) {
    fail(cause);
  }

  static void log(String what, Throwable thrown) {
    LOGGER.log(System.Logger.Level.ERROR, what, thrown);
  }

  /** What was executed completes, and what was written becomes durable. */
  private void shutDown(int notification) {
    if (ending == Ending.RESET) {
      shutdownAfterReset = notification != 0;
      return;
    }
    int status = registers.status() & ~Register.CSTS_SHUTDOWN_MASK;
    if (notification == 0) {
      registers.status(status);
      return;
    }
    registers.status(status | Register.CSTS_SHUTDOWN_OCCURRING);
    inFlight.completeAll();
    poster.signal();
    running = false;
    if (forwarding != null) {
      ending = Ending.SHUTDOWN;
      flushing = 0;
      return;
    }
    try {
      media.flush();
    } catch (IOException e) {
      fail(); // the shutdown never completes
      return;
    }
    registers.status(status | Register.CSTS_SHUTDOWN_COMPLETE);
  }

  /** Whether what waits for the other device can go on. */
  private boolean canEnd(Forwarding device) {
    return switch (ending) {
      case START -> !device.hasOrphans(orphansBefore);
      case SHUTDOWN -> !device.isBusy(this) && !device.isFull();
      default -> !device.isBusy(this);
    };
  }

  /** Goes on with what waits for the other device. */
  private void end(Forwarding device) {
    if (!canEnd(device)) {
      return;
    }
    switch (ending) {
      case START -> {
        ending = Ending.NONE;
        enable(cc);
      }
      case RESET -> {
        boolean shutdown = shutdownAfterReset;
        reset();
        if (shutdown) {
          shutDown(cc & Register.CC_SHUTDOWN_MASK);
        } else if ((cc & Register.CC_ENABLE) != 0) {
          start(cc);
        }
      }
      case SHUTDOWN -> {
        while (flushing < namespaces.length && !device.isFull()) {
          EmulatedNamespace namespace = namespaces[flushing++];
          if (namespace.blocks() != 0) { // else the device has lost it
            device.flush(this, namespace.number);
          }
        }
        if (flushing == namespaces.length) {
          ending = Ending.SHUTDOWN_FLUSH;
        }
      }
      case SHUTDOWN_FLUSH -> {
        ending = Ending.NONE;
        if ((registers.status() & Register.CSTS_FATAL) == 0) {
          int status = registers.status() & ~Register.CSTS_SHUTDOWN_MASK;
          registers.status(status | Register.CSTS_SHUTDOWN_COMPLETE);
        }
      }
      default -> {}
    }
  }

  /** A flush of a shutdown could not be done: the shutdown never completes. */
  void flushFailed() {
    fail();
  }

  /** Completes a command that another device has executed. */
  void completeForwarded(DeviceSubmissionQueue queue, MemorySegment command, int status) {
    try {
      commands.completeForwarded(queue, command, status);
    } catch (RuntimeException | Error e) {
      fail(e); // and not whoever polls for all
    }
  }

  /** A queue is deleted: what another device executes of it ends for nobody. */
  void orphan(DeviceSubmissionQueue queue) {
    if (forwarding != null) {
      forwarding.orphan(this, queue);
    }
  }

  /** Whether the host sees a namespace, and may use it: also if the controller has failed meanwhile. */
  boolean holds(EmulatedNamespace namespace) {
    boolean enabled = (cc & (Register.CC_ENABLE | Register.CC_SHUTDOWN_MASK)) == Register.CC_ENABLE;
    return enabled && admin.sees(namespace);
  }

  /** Another device has changed a namespace under the host: its commands fail until it has looked. */
  void namespaceReplaced(EmulatedNamespace namespace) {
    if (holds(namespace)) {
      nvm.block(namespace);
    }
  }

  /** A namespace of the subsystem is not what it was. */
  void namespaceChanged(EmulatedNamespace namespace) {
    admin.namespaceChanged(namespace);
  }

  // ---- Work.

  /** Acts on one doorbell, and on what follows from it. For an engine that is told of each. */
  void doorbellRung(int index) {
    if (!running) {
      return;
    }
    try {
      int id = index >>> 1;
      boolean isTail = (index & 1) == 0;
      DeviceCompletionQueue completions = isTail ? null : queues.completion(id);
      if (isTail && queues.submission(id) != null) {
        while (work() > 0) {}
      } else if (completions != null) {
        headRung(completions);
      } else {
        arbitration.takeStray();
      }
      finish();
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  private void headRung(DeviceCompletionQueue completions) {
    arbitration.refreshHead(completions);
    if (arbitration.isStarved()) {
      while (work() > 0) {}
    }
  }

  /**
   * One turn of the queues; see {@link Arbitration#turn}.
   *
   * @return what was done, in units of a small command; 0 if there was nothing to do
   */
  int poll() {
    try {
      if (ending != Ending.NONE && forwarding != null) {
        end(forwarding);
      }
      if (!running) {
        return 0;
      }
      int done = inFlight.isEmpty() ? 0 : inFlight.completeDue(clock.nanoTime());
      done += work();
      if (++polls % STRAY_POLLS == 0) {
        arbitration.takeStray();
      }
      finish();
      return done;
    } catch (RuntimeException | Error e) {
      fail(e);
      return 0;
    }
  }

  /** Executes what is due next; returns what it cost, 0 if there was nothing. */
  private int work() {
    if (!queues.refreshShadow()) {
      fail();
      return 0;
    }
    return arbitration.turn();
  }

  /** What a fault that a command had, an injected one or not, makes of the controller. */
  void stop(int outcome) {
    switch (outcome) {
      case FaultInjector.HANG -> {
        hung = true;
        running = false;
      }
      case FaultInjector.REMOVE -> {
        running = false;
        registers.remove();
      }
      default -> fail();
    }
  }

  /** Reports events and signals interrupts, once for all that was done. */
  private void finish() {
    reportEvents();
    if (poster.hasFailed()) {
      fail();
    }
    poster.signal();
  }

  private void reportEvents() {
    int event = events.next();
    DeviceSubmissionQueue queue = event < 0 ? null : queues.submission(0);
    while (event >= 0 && queue != null && arbitration.hasRoom(queue.completions)) {
      poster.post(queue, events.report(event), AsyncEvents.result(event), Status.SUCCESS);
      event = events.next();
    }
  }

  // ---- For an engine with a thread.

  /**
   * Asks the host, through EventIdx, for doorbells, and looks for anything that can be done now. An
   * engine says that it is going to sleep before it calls this, so that whoever rings later wakes it.
   */
  boolean isIdle() {
    if (!running) {
      return ending == Ending.NONE || forwarding == null || !canEnd(forwarding);
    }
    try {
      if (!queues.refreshShadow()) {
        return false;
      }
      arbitration.lookForStarved();
      queues.armEvents();
      return !arbitration.hasWork() && !arbitration.takeStray();
    } catch (RuntimeException | Error e) {
      fail(e);
      return false;
    }
  }

  /** Whether a command waits for an entry of its completion queue. */
  boolean isStarved() {
    return arbitration.isStarved();
  }

  boolean hasTimedWork() {
    return running && !inFlight.isEmpty();
  }

  /** When the next command completes by itself; only if {@link #hasTimedWork}. */
  long nextDueNs() {
    return inFlight.nextDueNs();
  }

  /** For an engine without a thread: asks for the next doorbells, and sees those rung meanwhile. */
  void armEvents() {
    if (!running || !queues.hasShadow()) {
      return;
    }
    try {
      queues.armEvents();
      while (running && work() > 0) {
        finish();
        queues.armEvents();
      }
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  /** Whether the host may ring a doorbell. */
  boolean isRunning() {
    return running;
  }

  /** Whether the host has doorbells in memory of its own. */
  boolean hasShadow() {
    return queues.hasShadow();
  }

  /** Nothing is executed any more. */
  void close() {
    running = false;
    ending = Ending.NONE;
  }
}
