package io.nvmedirect.driver;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Register;
import io.nvmedirect.transport.Transport;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** The state changes of a controller by its registers (NVMe 1.4, sections 3.1.5, 3.1.6 and 7.6). */
final class ControllerRegisters {

  static final long PAGE_BYTES = 4096;

  private static final long POLL_NS = 100_000;
  private static final long SHUTDOWN_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(30);

  private final Transport transport;
  private final String name;
  private final Clock clock;
  private final long capabilities;

  ControllerRegisters(Transport transport, String name, Clock clock) throws IOException {
    this.transport = transport;
    this.name = name;
    this.clock = clock;
    this.capabilities = transport.read64(Register.CAP);
    if (capabilities == Register.ALL_ONES) {
      throw gone();
    }
    if (!Register.hasNvmCommandSet(capabilities)) {
      throw unsupported("it has no NVM command set");
    }
    if (Register.minPageBytes(capabilities) > PAGE_BYTES) {
      throw unsupported(
          "its smallest memory page has %d bytes, and pages of 4096 are needed"
              .formatted(Register.minPageBytes(capabilities)));
    }
  }

  private NvmeException unsupported(String why) {
    return new NvmeException(
        "%s: the controller is not supported: %s (CAP=0x%016x)".formatted(name, why, capabilities));
  }

  private NvmeException gone() {
    return new NvmeException(name + ": the controller is gone, its registers read as all ones");
  }

  long capabilities() {
    return capabilities;
  }

  int version() throws IOException {
    return transport.read32(Register.VS);
  }

  /** Whether the controller says that it cannot go on, or does not answer at all. */
  boolean isDead() throws IOException {
    int csts = transport.read32(Register.CSTS);
    return csts == Register.ALL_ONES || (csts & Register.CSTS_FATAL) != 0;
  }

  /** CC.EN to 0: after this returns the controller touches no memory. */
  void disable() throws IOException {
    int cc = transport.read32(Register.CC);
    if (cc == Register.ALL_ONES) {
      throw gone();
    }
    int csts = transport.read32(Register.CSTS);
    if ((cc & Register.CC_ENABLE) == 0 && (csts & Register.CSTS_READY) == 0) {
      return;
    }
    if ((cc & Register.CC_ENABLE) != 0) {
      // CC.EN must not be cleared while CSTS.RDY has not followed its being set (section 3.1.5),
      // but for a controller that is dead anyway.
      if ((csts & (Register.CSTS_READY | Register.CSTS_FATAL)) == 0) {
        awaitReady(true);
      }
      transport.write32(Register.CC, cc & ~(Register.CC_ENABLE | Register.CC_SHUTDOWN_MASK));
    }
    awaitReady(false);
  }

  /** Whether the controller arbitrates by the priorities of queues. */
  boolean hasWeightedRoundRobin() {
    return Register.hasWeightedRoundRobin(capabilities);
  }

  /**
   * CC.EN to 1, with the admin queues attached; with weighted round robin where it is offered.
   */
  void enable() throws IOException {
    int arbitration = hasWeightedRoundRobin() ? Register.CC_WEIGHTED_ROUND_ROBIN : 0;
    transport.write32(Register.CC, Register.enabledConfiguration(PAGE_BYTES) | arbitration);
    awaitReady(true);
  }

  private void awaitReady(boolean ready) throws IOException {
    long timeoutNs =
        TimeUnit.MILLISECONDS.toNanos(Math.max(500, Register.readyTimeoutMs(capabilities)));
    long start = clock.nanoTime();
    while (true) {
      int csts = transport.read32(Register.CSTS);
      if (csts == Register.ALL_ONES) {
        throw gone();
      }
      if (((csts & Register.CSTS_READY) != 0) == ready) {
        return;
      }
      if (ready && (csts & Register.CSTS_FATAL) != 0) {
        throw new NvmeException(
            "%s: the controller reports a fatal error instead of becoming ready (CSTS=0x%x)"
                .formatted(name, csts));
      }
      if (clock.nanoTime() - start > timeoutNs) {
        throw new NvmeException(
            "%s: the controller did not become %s within its %d ms (CAP.TO; CSTS=0x%x)"
                .formatted(name, ready ? "ready" : "disabled", timeoutNs / 1_000_000, csts));
      }
      clock.parkNanos(this, POLL_NS);
    }
  }

  /** Normal shutdown: the controller brings its volatile write cache to the medium. */
  void shutdown() throws IOException {
    int cc = transport.read32(Register.CC);
    if (cc == Register.ALL_ONES) {
      throw gone();
    }
    transport.write32(Register.CC, (cc & ~Register.CC_SHUTDOWN_MASK) | Register.CC_SHUTDOWN_NORMAL);
    long start = clock.nanoTime();
    while (true) {
      int csts = transport.read32(Register.CSTS);
      if (csts == Register.ALL_ONES) {
        throw gone();
      }
      if ((csts & Register.CSTS_SHUTDOWN_MASK) == Register.CSTS_SHUTDOWN_COMPLETE) {
        return;
      }
      if ((csts & Register.CSTS_FATAL) != 0 || clock.nanoTime() - start > SHUTDOWN_TIMEOUT_NS) {
        throw new NvmeException(
            "%s: the controller did not shut down (CSTS=0x%x): what was not flushed may be lost"
                .formatted(name, csts));
      }
      clock.parkNanos(this, POLL_NS);
    }
  }
}
