package io.nvmedirect.testing;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.util.Random;

/**
 * The embedded controller, with times of its own choice for everything that it does, and with faults: it delays and
 * reorders completions, loses them, completes twice, fails, stops, and disappears.
 */
final class SimulatedDevice implements SimulatedClock.Device {

  private static final long MOST_REACTION_NS = 3_000;
  private static final long LEAST_COMMAND_NS = 2_000;
  private static final int USUAL_COMMAND_NS = 150_000;

  private static final int[] STATUSES = {
    Status.INTERNAL_ERROR,
    Status.UNRECOVERED_READ_ERROR,
    Status.WRITE_FAULT,
    Status.NAMESPACE_NOT_READY,
    Status.INTERNAL_ERROR | Status.DNR
  };

  private final Random random;
  private final SimulatedClock clock;
  private final Trace trace;
  private final Emulator emulator;
  private long reactNs = Long.MAX_VALUE;
  private long slowNs;
  private int faultsPerThousand;

  SimulatedDevice(
      String address, PowerCutMedia media, Random random, SimulatedClock clock, Trace trace)
      throws IOException {
    this.random = random;
    this.clock = clock;
    this.trace = trace;
    this.emulator =
        Emulator.stepped(EmulatorOptions.parse(address), media, this::dueNs, clock, this::rung);
    emulator.inject(this::fault);
  }

  Emulator function() {
    return emulator;
  }

  /**
   * From now on one command in so many fails in some way.
   *
   * @param slow a command may take as long as this
   */
  void faults(int perThousand, long slow) {
    faultsPerThousand = perThousand;
    slowNs = slow;
  }

  private void rung() {
    if (reactNs == Long.MAX_VALUE) {
      reactNs = clock.nanoTime() + random.nextLong(MOST_REACTION_NS);
    }
  }

  @Override
  public long nextNs() {
    return Math.min(reactNs, emulator.nextDueNs());
  }

  @Override
  public void act() {
    reactNs = Long.MAX_VALUE;
    emulator.step();
  }

  private long dueNs(int opcode, long position, long lengthBytes, long nowNs) {
    long takesNs = LEAST_COMMAND_NS + random.nextInt(USUAL_COMMAND_NS);
    if (slowNs > 0 && random.nextInt(50) == 0) {
      takesNs += random.nextLong(slowNs);
    }
    return nowNs + takesNs;
  }

  private int fault(int sqid, int opcode, int nsid, long slba, int blocks) {
    if (faultsPerThousand == 0 || random.nextInt(1000) >= faultsPerThousand) {
      return FaultInjector.NONE;
    }
    int kind = random.nextInt(20);
    int fault;
    if (kind < 8) {
      fault = STATUSES[random.nextInt(STATUSES.length)];
    } else if (kind < 13) {
      fault = FaultInjector.DROP;
    } else if (kind < 17) {
      fault = FaultInjector.DUPLICATE;
    } else if (kind < 18) {
      fault = FaultInjector.HANG;
    } else if (kind < 19) {
      fault = FaultInjector.FATAL;
    } else {
      fault = random.nextInt(3) == 0 ? FaultInjector.REMOVE : FaultInjector.DUPLICATE;
    }
    trace.add(
        "  fault %d of %s on queue %d, block %d"
            .formatted(fault, sqid == 0 ? "admin command" : Opcode.ioName(opcode), sqid, slba));
    return fault;
  }
}
