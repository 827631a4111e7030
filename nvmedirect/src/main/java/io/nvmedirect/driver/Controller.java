package io.nvmedirect.driver;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.Feature;
import io.nvmedirect.spec.IdentifyController;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.QueueWeights;
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.AdminCommands;
import io.nvmedirect.transport.QueuePair;
import io.nvmedirect.transport.Transport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A controller: bring-up, admin commands, I/O queues, reset and shutdown (NVMe 1.4, section 7).
 *
 * <p>Any thread may call it. The admin lock owns the registers and the queue identifiers; {@code
 * generation} and {@code failure} are written under it and read by the owners of I/O queues.
 */
public final class Controller implements AutoCloseable {

  private static final System.Logger LOG = SafeLogger.of(Controller.class);

  private static final String GIVEN_UP =
      "the controller failed and could not be reset: close the device and open it again";

  private static final int ADMIN_ENTRIES = 32;
  private static final int QUEUES_WANTED = 64;
  private static final long FORMAT_TIMEOUT_NS = TimeUnit.MINUTES.toNanos(10);

  private final Transport transport;
  private final String name;
  private final long timeoutNs;
  private final QueueWeights weights;
  private final Clock clock;
  private final ControllerRegisters registers;
  private final AdminQueue admin;
  private final ControllerPages pages;
  private final EventRequests events;
  private final ReentrantLock lock;
  private final IdentifyController identify;
  private final int queueLimit;
  private final BitSet queueIds = new BitSet();

  /** Queues with an interrupt, whose threads block; owned by the lock. */
  private final List<IoQueue> blocking = new ArrayList<>();

  private boolean resetting;

  /** The controller offers shadow doorbells, and has not refused them. */
  private boolean shadowDoorbells;

  /** Written under the lock. */
  private volatile boolean closed;

  /** Raised when the controller has forgotten its queues. */
  private volatile int generation;

  /** Why the controller is given up; null while it works. */
  private volatile @Nullable String failure;

  /** It could not be disabled: buffers of commands that had no end are never freed. */
  private volatile boolean mayStillUseMemory;

  private Controller(
      Transport transport, String name, long timeoutNs, QueueWeights weights, Clock clock)
      throws IOException {
    this.transport = transport;
    this.name = name;
    this.timeoutNs = timeoutNs;
    this.weights = weights;
    this.clock = clock;
    this.registers = new ControllerRegisters(transport, name, clock);
    disable();
    int entries = Math.min(ADMIN_ENTRIES, Register.maxQueueEntries(registers.capabilities()));
    this.admin = new AdminQueue(this, transport.openAdminQueue(entries));
    this.lock = admin.lock();
    this.pages = new ControllerPages(admin);
    this.events = new EventRequests(name, admin, pages, clock);
    boolean up = false;
    try {
      transport.attachAdminQueue(admin.pair());
      registers.enable();
      this.identify = pages.controller();
      this.shadowDoorbells = identify.supportsDoorbellBufferConfig();
      useShadowDoorbells();
      setWeights();
      this.queueLimit = negotiateQueues();
      // Before any namespace is identified, so that no change goes unseen.
      events.start(identify);
      up = true;
    } finally {
      if (!up) {
        transport.close();
        admin.close();
      }
    }
  }

  /**
   * Brings a controller up: reset, admin queue, Identify, number of queues. The transport is closed if
   * that fails.
   *
   * @param name the address, for messages
   * @param timeoutNs how long a command may take
   * @param weights of queue priorities, for a controller that has them
   * @param clock for deadlines and waits
   */
  public static Controller open(
      Transport transport, String name, long timeoutNs, QueueWeights weights, Clock clock)
      throws IOException {
    try {
      return new Controller(transport, name, timeoutNs, weights, clock);
    } catch (IOException | RuntimeException e) {
      transport.close();
      throw e;
    }
  }

  public String name() {
    return name;
  }

  public IdentifyController identify() {
    return identify;
  }

  /** What the controller tells of itself and its namespaces. */
  public ControllerPages pages() {
    return pages;
  }

  /** VS, the version of the specification. */
  public int version() throws IOException {
    return registers.version();
  }

  public DmaMapper dma() {
    return transport.dma();
  }

  /** For deadlines and waits. */
  public Clock clock() {
    return clock;
  }

  /** How long a command may take. */
  public long timeoutNs() {
    return timeoutNs;
  }

  /** I/O queue pairs that the controller allows. */
  public int queueLimit() {
    return queueLimit;
  }

  /** Most commands in flight on one queue. */
  public int maxQueueDepth() {
    return Register.maxQueueEntries(registers.capabilities()) - 1;
  }

  /** Whether there is an interrupt vector that I/O queues can have. */
  public boolean hasInterrupts() throws IOException {
    return transport.interruptVectors() > 0;
  }

  /** Whether the controller arbitrates by the priorities of queues. */
  public boolean hasQueuePriorities() {
    return registers.hasWeightedRoundRobin();
  }

  /** Most bytes of one command. */
  public long maxTransferBytes() {
    long mdts = identify.maxTransferBytes(Register.minPageBytes(registers.capabilities()));
    return Math.min(mdts, transport.maxTransferBytes());
  }

  int generation() {
    return generation;
  }

  @Nullable String failure() {
    return failure;
  }

  /** Whether the controller is given up: nothing can be done with it any more. */
  public boolean hasFailed() {
    return failure != null;
  }

  /** Whether the controller may write to memory of commands that have ended for the host. */
  public boolean mayStillUseMemory() {
    return mayStillUseMemory;
  }

  AdminCommands admin() {
    return admin;
  }

  // ---- Admin commands.

  /** A controller that offers them and refuses them can do without: all they save is register writes. */
  private void useShadowDoorbells() throws IOException {
    if (!shadowDoorbells) {
      return;
    }
    try {
      transport.useShadowDoorbells(admin);
    } catch (NvmeException e) {
      shadowDoorbells = false;
      LOG.log(System.Logger.Level.WARNING, name + ": going on without shadow doorbells", e);
    }
  }

  /** Also after each reset, which forgets them. Without them, levels share as the controller likes. */
  private void setWeights() throws IOException {
    if (!hasQueuePriorities()) {
      return;
    }
    int value = Feature.arbitration(identify.recommendedBurst(), weights);
    try {
      admin.execute(
          "Set Features (Arbitration)",
          (ring, at) -> Sqe.setFeatures(ring, at, 0, Feature.ARBITRATION, value),
          null,
          0);
    } catch (NvmeException e) {
      LOG.log(System.Logger.Level.WARNING, name + ": going on with the default weights", e);
    }
  }

  private int negotiateQueues() throws IOException {
    int result =
        admin.execute(
            "Set Features (Number of Queues)",
            (ring, at) ->
                Sqe.setFeatures(
                    ring, at, 0, Feature.NUMBER_OF_QUEUES, Feature.queueRequest(QUEUES_WANTED)),
            null,
            0);
    return Math.min(QUEUES_WANTED, Feature.queuesAllocated(result));
  }

  /** The namespace for I/O, as it is formatted now, until another host changes it. */
  public Namespace namespace(int nsid) throws IOException {
    lock.lock();
    try {
      Namespace namespace =
          Namespace.of(
              name, nsid, pages.namespace(nsid), maxTransferBytes(), identify.sglAlignment());
      events.watch(namespace);
      return namespace;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether the controller has reported events, or has completed something else that nobody has seen.
   * Cheap, and for any thread.
   */
  public boolean hasEvents() {
    return events.hasEvents() && failure == null;
  }

  /**
   * Acts on the events that the controller has reported: namespaces that other hosts have changed have a
   * {@link Namespace#change} then. Left to the next call while another thread executes admin commands,
   * which may take minutes.
   */
  public void takeEvents() {
    if (!lock.tryLock()) {
      return;
    }
    try {
      if (!closed && failure == null) {
        events.act();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Erases a namespace and gives it another LBA format of its list. What was {@link #namespace} of it is
   * not used any more.
   *
   * @throws NvmeException if that fails, also because other hosts have the namespace open
   */
  public void format(int nsid, int lbaFormat) throws IOException {
    lock.lock();
    try {
      List<Namespace> before = events.release(nsid);
      boolean formatted = false;
      try {
        executeFormat(nsid, lbaFormat);
        formatted = true;
      } finally {
        if (!formatted) {
          before.forEach(events::watch);
        }
      }
    } catch (NvmeException e) {
      if (e.hasStatus() && Status.codes(e.status()) == Status.RESERVATION_CONFLICT) {
        NvmeException held =
            new NvmeException(
                ("%s: namespace %d is not formatted, for other hosts have it open or reserved: close"
                        + " it there first")
                    .formatted(name, nsid),
                e.status());
        held.initCause(e);
        throw held;
      }
      throw e;
    } finally {
      lock.unlock();
    }
  }

  private void executeFormat(int nsid, int lbaFormat) throws IOException {
    admin.execute(
        "Format NVM of namespace %d to LBA format %d".formatted(nsid, lbaFormat),
        (ring, at) -> Sqe.formatNvm(ring, at, nsid, lbaFormat, 0),
        null,
        0,
        Math.max(timeoutNs, FORMAT_TIMEOUT_NS));
  }

  /** Asks the controller to abort a command; false if it could not or would not. */
  boolean abort(int sqid, int cid) {
    LOG.log(System.Logger.Level.WARNING, "{0}: aborting command {1} of queue {2}", name, cid, sqid);
    try {
      int notAborted =
          admin.execute("Abort", (ring, at) -> Sqe.abort(ring, at, sqid, cid), null, 0);
      return (notAborted & 1) == 0;
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, name + ": the abort failed", e);
      return false;
    }
  }

  // ---- I/O queues.

  /**
   * Makes an I/O queue pair.
   *
   * @param depth most commands in flight
   * @param priority QPRIO, 0 urgent to 3 low; without effect unless {@link #hasQueuePriorities}
   * @throws NvmeException if there is no queue left, or no interrupt vector
   */
  public IoQueue openQueue(int depth, boolean interrupt, int priority) throws IOException {
    lock.lock();
    try {
      checkOpen();
      int qid = queueIds.nextClearBit(1);
      if (qid > queueLimit) {
        throw new NvmeException(
            "%s: no queue is left: the controller allows %d I/O queues, and all are in use"
                .formatted(name, queueLimit));
      }
      int vector = interrupt ? vector(qid) : -1;
      QueuePair pair = transport.openQueue(qid, depth + 1, vector, priority);
      try {
        pair.create(admin);
      } catch (IOException | RuntimeException e) {
        // A controller that took the command and could not be disabled may write to the rings.
        if (!mayStillUseMemory) {
          pair.close();
        }
        throw e;
      }
      queueIds.set(qid);
      IoQueue queue = new IoQueue(this, pair);
      if (interrupt) {
        blocking.add(queue);
      }
      return queue;
    } finally {
      lock.unlock();
    }
  }

  /** Vector 0 is the admin queue's; the I/O queues share what is there beyond it. */
  private int vector(int qid) throws IOException {
    int vectors = transport.interruptVectors();
    if (vectors == 0) {
      throw new NvmeException(name + ": the device has no interrupts that a queue could use");
    }
    return vectors == 1 ? 0 : 1 + (qid - 1) % (vectors - 1);
  }

  /**
   * Deletes a queue, in which nothing is in flight. If that fails, the controller keeps the queue, and
   * its identifier and memory are not used again.
   */
  public void closeQueue(IoQueue queue) throws IOException {
    lock.lock();
    try {
      blocking.remove(queue);
      queue.close();
      queueIds.clear(queue.id());
    } finally {
      lock.unlock();
    }
  }

  // ---- Failure.

  /** Whether the controller is gone, and not given up yet. Cheap, and for any thread. */
  boolean isLost() {
    return transport.isLost() && failure == null;
  }

  /** Resets a controller that reports a fatal error, unless it was reset since {@code seen}. */
  void checkAlive(int seen) {
    lock.lock();
    try {
      if (seen == generation && failure == null && !closed && isDead()) {
        reset("it reports a fatal error or is gone");
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean isDead() {
    try {
      return registers.isDead();
    } catch (IOException e) {
      return true;
    }
  }

  /** Resets the controller unless that was done since {@code seen}: another queue may have. */
  void resetSince(int seen, String reason) {
    lock.lock();
    try {
      if (seen == generation) {
        reset(reason);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes a queue anew that a reset has wiped out, in which nothing is in flight. No other reset comes
   * between.
   *
   * @return the generation that the queue belongs to
   * @throws IOException if the controller has failed, or the queue could not be made
   */
  int attach(QueuePair pair) throws IOException {
    lock.lock();
    try {
      checkOpen();
      pair.create(admin);
      return generation;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Disables the controller, so that it forgets all commands, and enables it again. If it cannot be
   * disabled or enabled it is given up: {@link #failure} says why.
   */
  @SuppressWarnings("NonAtomicVolatileUpdate") // the lock owns it
  void reset(String reason) {
    lock.lock();
    try {
      if (closed || failure != null) {
        return;
      }
      LOG.log(System.Logger.Level.WARNING, "{0}: resetting the controller: {1}", name, reason);
      if (resetting) {
        giveUp(reason, "a command of the reset itself failed");
        return;
      }
      resetting = true;
      try {
        resetAndEnable();
      } catch (IOException | RuntimeException | Error e) {
        giveUp(reason, e instanceof Error ? e.toString() : e.getMessage());
      } finally {
        resetting = false;
        // Last, so that an owner who sees the new generation finds a working controller or the
        // reason. Whoever blocks has to look, for no interrupt comes for commands that are
        // forgotten.
        generation++;
        blocking.forEach(IoQueue::wake);
      }
    } finally {
      lock.unlock();
    }
  }

  private void resetAndEnable() throws IOException {
    try {
      disable();
    } catch (IOException | RuntimeException | Error e) {
      mayStillUseMemory = !transport.isLost();
      throw e;
    }
    admin.pair().failAll(Status.ABORTED_BY_HOST);
    transport.attachAdminQueue(admin.pair());
    registers.enable();
    useShadowDoorbells();
    setWeights();
    negotiateQueues();
    events.start(identify);
    // What has happened meanwhile, nobody tells.
    events.identifyAgain();
  }

  /** Disables the controller; one that does not obey is reset as a PCI function, where that is offered. */
  private void disable() throws IOException {
    try {
      registers.disable();
    } catch (IOException e) {
      if (!transport.reset()) {
        throw e;
      }
      LOG.log(System.Logger.Level.WARNING, "{0}: reset the function: {1}", name, e.getMessage());
      registers.disable();
    }
  }

  private void giveUp(String reason, @Nullable String cause) {
    failure = GIVEN_UP; // should there be no memory for more
    failure =
        "%s: the controller failed (%s) and could not be reset (%s): close the device and open it again"
            .formatted(name, reason, cause);
    LOG.log(System.Logger.Level.ERROR, failure);
  }

  void checkOpen() throws NvmeException {
    if (closed) {
      throw new IllegalStateException(name + ": the device is closed");
    }
    String why = failure;
    if (why != null) {
      throw new NvmeException(why);
    }
  }

  /** Shuts the controller down and lets go of it. Idempotent; the queues are closed before. */
  @Override
  public void close() throws IOException {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      try {
        if (failure == null) {
          registers.shutdown();
          registers.disable();
        }
      } finally {
        transport.close();
        admin.close();
      }
    } finally {
      lock.unlock();
    }
  }
}
