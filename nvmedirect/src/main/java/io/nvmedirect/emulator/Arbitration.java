package io.nvmedirect.emulator;

import io.nvmedirect.spec.Status;
import org.jspecify.annotations.Nullable;

/**
 * Which queue's commands are executed next, and how many of them (NVMe 1.4, section 4.13): as many as
 * there is room for their completions, a burst of each queue at a time. Owned by the engine.
 */
final class Arbitration {

  /** What one turn may cost among controllers that share a thread: some 100 µs. */
  private static final int SHARED_TURN_COST = 64;

  private final EmulatedController controller;
  private final DeviceQueues queues;
  private final CommandUnit commands;
  private final InFlight inFlight;
  private final @Nullable Forwarding forwarding;
  private final Features features;
  private final AsyncEvents events;
  private final Health health;

  /** Null for round robin. */
  private @Nullable WeightedRoundRobin weighted;

  private boolean starved;
  private int next;

  /** What one turn may cost, in units of a small command. */
  private int turnCost = Integer.MAX_VALUE;

  /** What is left of that. */
  private int budget;

  /**
   * @param controller stops if a command asks for it, and then no other one is executed
   */
  Arbitration(
      EmulatedController controller,
      DeviceQueues queues,
      CommandUnit commands,
      InFlight inFlight,
      @Nullable Forwarding forwarding,
      Features features,
      AsyncEvents events,
      Health health) {
    this.controller = controller;
    this.queues = queues;
    this.commands = commands;
    this.inFlight = inFlight;
    this.forwarding = forwarding;
    this.features = features;
    this.events = events;
    this.health = health;
  }

  /** The host has chosen how it is done. */
  void choose(boolean byWeight) {
    weighted = byWeight ? new WeightedRoundRobin(queues, features, this::serve) : null;
  }

  /**
   * Ends turns early from now on, so that a host which asks for bursts without limit, on many queues, does
   * not keep those waiting who share the thread.
   */
  void shareThread() {
    turnCost = SHARED_TURN_COST;
  }

  /**
   * One turn of every queue, as far as its cost allows, and by weight, of the queue whose turn it is.
   *
   * @return what it cost, in units of a small command; 0 if there was nothing
   */
  int turn() {
    starved = false;
    budget = turnCost;
    WeightedRoundRobin arbiter = weighted;
    if (arbiter == null) {
      roundRobin();
    } else {
      arbiter.turn();
    }
    return turnCost - budget;
  }

  /** Round robin (section 4.13.1). The next turn goes on where this one ends. */
  private void roundRobin() {
    int burst = features.arbitrationBurst();
    int turns = queues.activeCount();
    int at = next < turns ? next : 0;
    for (int i = 0; i < turns && controller.isRunning() && budget > 0; i++) {
      if (at >= queues.activeCount()) {
        at = 0; // queues were deleted meanwhile
      }
      serve(queues.active(at), burst);
      at++;
    }
    next = at;
  }

  private int serve(DeviceSubmissionQueue queue, int burst) {
    if (!queue.refreshTail()) {
      doorbellError(AsyncEvents.INVALID_DOORBELL_VALUE);
    }
    int done = 0;
    while (done < burst && budget > 0 && !queue.isEmpty() && mayExecute(queue)) {
      int outcome = commands.execute(queue);
      budget -= commands.cost();
      done++;
      if (outcome != FaultInjector.NONE) {
        controller.stop(outcome);
      }
      if (!controller.isRunning()) {
        break;
      }
    }
    return done;
  }

  /** A command needs an entry of the completion queue, and a place among those that take time. */
  private boolean mayExecute(DeviceSubmissionQueue queue) {
    boolean isFull = forwarding == null ? inFlight.isFull() : forwarding.isFull();
    return hasRoom(queue.completions) && !isFull;
  }

  /** Whether a completion queue has a free entry; else the one for whom it is waits for the host. */
  boolean hasRoom(DeviceCompletionQueue completions) {
    if (completions.hasRoom()) {
      return true;
    }
    if (!completions.refreshHead()) {
      doorbellError(AsyncEvents.INVALID_DOORBELL_VALUE);
    }
    if (completions.hasRoom()) {
      return true;
    }
    starved = true;
    return false;
  }

  /** Looks again whether commands wait for entries of their completion queues. */
  void lookForStarved() {
    starved = false;
    for (int i = 0; i < queues.activeCount(); i++) {
      DeviceSubmissionQueue queue = queues.active(i);
      if (!queue.isEmpty() && !hasRoom(queue.completions)) {
        starved = true;
      }
    }
  }

  /** Whether a command waits for an entry of its completion queue. */
  boolean isStarved() {
    return starved;
  }

  /** Reads all doorbells, and says whether anything can be executed or reported. */
  boolean hasWork() {
    for (int i = 0; i < queues.activeCount(); i++) {
      DeviceSubmissionQueue queue = queues.active(i);
      if (!queue.refreshTail()) {
        doorbellError(AsyncEvents.INVALID_DOORBELL_VALUE);
        return true;
      }
      if (!queue.completions.refreshHead()) {
        doorbellError(AsyncEvents.INVALID_DOORBELL_VALUE);
        return true;
      }
      if (!queue.isEmpty() && mayExecute(queue)) {
        return true;
      }
    }
    DeviceSubmissionQueue admin = events.next() < 0 ? null : queues.submission(0);
    return admin != null && hasRoom(admin.completions);
  }

  /** Reads the doorbell of a completion queue. */
  void refreshHead(DeviceCompletionQueue completions) {
    if (!completions.refreshHead()) {
      doorbellError(AsyncEvents.INVALID_DOORBELL_VALUE);
    }
  }

  /** Whether a doorbell without a queue was rung, which is an error. */
  boolean takeStray() {
    boolean found = queues.takeStrayDoorbell() >= 0;
    if (found) {
      doorbellError(AsyncEvents.INVALID_DOORBELL_REGISTER);
    }
    return found;
  }

  private void doorbellError(int event) {
    health.error(Health.NO_COMMAND, Health.NO_COMMAND, Status.SUCCESS, 0, 0);
    events.raise(event);
  }
}
