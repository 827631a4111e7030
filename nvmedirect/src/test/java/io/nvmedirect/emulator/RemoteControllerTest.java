package io.nvmedirect.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Register;
import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A controller of a subsystem, poll by poll. */
@Timeout(300)
class RemoteControllerTest {

  private static final int READY = Register.CSTS_READY;
  private static final int SHUT_DOWN = Register.CSTS_SHUTDOWN_COMPLETE;
  private static final int DISABLE = PolledController.ENABLE & ~1;

  /** So many commands of one turn keep others waiting for some 100 µs. */
  private static final int MOST_OF_A_TURN = 64;

  // ---- Work of a turn.

  private static PolledController busy(Subsystem subsystem, int queues) throws IOException {
    PolledController host = new PolledController(subsystem, queues);
    host.enable();
    host.createQueues();
    // Set Features: an arbitration burst without limit.
    host.post(0, 0x09, 0, 0, 1, 7);
    host.ring(0);
    host.pollUntilIdle();
    for (int queue = 1; queue <= queues; queue++) {
      for (int i = 0; i < 1000; i++) {
        host.postRead(queue);
      }
      host.ring(queue);
    }
    return host;
  }

  @Test
  void poll_burstWithoutLimit_hasALimitAllTheSame() throws IOException {
    try (Subsystem subsystem = Subsystem.open(EmulatorOptions.parse("mem:8MiB"), Clock.SYSTEM);
        PolledController host = busy(subsystem, 1)) {
      int before = 0;
      while (before < 1000) {
        assertThat(host.poll()).isPositive();
        int now = host.completions(1);
        assertThat(now).isGreaterThan(before).isLessThanOrEqualTo(before + MOST_OF_A_TURN);
        before = now;
      }
    }
  }

  @Test
  void poll_manyQueues_allHaveTheirTurn() throws IOException {
    int queues = 8;
    try (Subsystem subsystem = Subsystem.open(EmulatorOptions.parse("mem:8MiB"), Clock.SYSTEM);
        PolledController host = busy(subsystem, queues)) {
      for (int i = 0; i < 2 * (queues + 1); i++) {
        host.poll();
      }
      assertThat(IntStream.rangeClosed(1, queues).map(host::completions).sum())
          .isLessThanOrEqualTo(2 * (queues + 1) * MOST_OF_A_TURN);
      assertThat(IntStream.rangeClosed(1, queues)).allMatch(queue -> host.completions(queue) > 0);
      host.pollUntilIdle();
      assertThat(IntStream.rangeClosed(1, queues))
          .allMatch(queue -> host.completions(queue) == 1000);
    }
  }

  // ---- What waits for another device.

  private final StalledDevice device = new StalledDevice();
  private final Subsystem subsystem = Subsystem.over(device, "stalled");

  /** A host with as many commands in flight. */
  private PolledController open(int inFlight) throws IOException {
    PolledController host = new PolledController(subsystem, 1);
    host.enable();
    host.createQueues();
    for (int i = 0; i < inFlight; i++) {
      host.postRead(1);
    }
    host.ring(1);
    host.poll();
    assertThat(device.inFlight()).isEqualTo(inFlight);
    return host;
  }

  @Test
  void reset_waitsForTheDevice_withoutWork() throws IOException {
    try (PolledController host = open(2)) {
      host.configure(DISABLE);
      for (int i = 0; i < 3; i++) {
        assertThat(host.poll()).isZero();
        assertThat(host.status()).isEqualTo(READY);
        assertThat(host.controller.isIdle()).as("there is nothing to do now").isTrue();
        assertThat(host.controller.mustPoll()).as("but the device has to be asked").isTrue();
      }
      device.mayComplete = 2;
      host.pollUntilIdle();
      assertThat(host.status()).isZero();
    }
  }

  @Test
  void shutdown_duringAReset_followsIt() throws IOException {
    try (PolledController host = open(2)) {
      host.configure(DISABLE);
      host.configure(DISABLE | Register.CC_SHUTDOWN_NORMAL);
      host.poll();
      assertThat(host.status()).isEqualTo(READY);
      device.mayComplete = Integer.MAX_VALUE;
      for (int i = 0; i < 10; i++) {
        host.poll();
      }
      assertThat(host.status()).isEqualTo(SHUT_DOWN);
      assertThat(device.counts[Opcode.FLUSH]).isEqualTo(2);
    }
  }

  @Test
  void shutdown_noSlotIsFree_waitsForOne() throws IOException {
    try (PolledController host = open(0);
        PolledController other = open(StalledDevice.SLOTS)) {
      host.configure(PolledController.ENABLE | Register.CC_SHUTDOWN_NORMAL);
      host.poll();
      assertThat(host.status()).isEqualTo(READY | Register.CSTS_SHUTDOWN_OCCURRING);
      assertThat(host.controller.isIdle()).isTrue();
      assertThat(device.counts[Opcode.FLUSH]).isZero();
      for (int i = 0; i < 20 && device.counts[Opcode.FLUSH] < 2; i++) {
        device.mayComplete = 1;
        host.poll();
      }
      assertThat(device.counts[Opcode.FLUSH]).isEqualTo(2);
      device.mayComplete = Integer.MAX_VALUE;
      for (int i = 0; i < 10; i++) {
        host.poll();
      }
      assertThat(host.status()).isEqualTo(READY | SHUT_DOWN);
      assertThat(other.completions(1)).isEqualTo(StalledDevice.SLOTS);
    }
  }

  @Test
  void functionReset_doesNotWait_butTheNextStartDoes() throws IOException {
    try (PolledController host = open(2)) {
      host.controller.reset();
      assertThat(host.status()).isZero();
      host.enable();
      host.poll();
      assertThat(host.status()).isZero();
      assertThat(host.controller.isIdle()).isTrue();
      device.mayComplete = 2;
      host.poll();
      host.poll();
      assertThat(host.status()).isEqualTo(READY);
      assertThat(host.completions(1)).as("they ended for nobody").isZero();
      host.createQueues();
    }
  }

  @Test
  void nextHost_waitsForThoseBefore_andNotForOthers() throws IOException {
    PolledController gone = open(2);
    gone.close();
    try (PolledController host = new PolledController(subsystem, 1)) {
      host.enable();
      host.poll();
      assertThat(host.status()).isZero();
      // A third one comes and goes meanwhile; it cannot begin before, and is no reason to wait.
      PolledController third = new PolledController(subsystem, 1);
      third.enable();
      third.close();
      device.mayComplete = 2;
      host.poll();
      host.poll();
      assertThat(host.status()).isEqualTo(READY);
    }
  }

  @Test
  void reset_whileItWaitsToStart_ends() throws IOException {
    PolledController gone = open(2);
    gone.close();
    try (PolledController host = new PolledController(subsystem, 1)) {
      host.enable();
      host.poll();
      host.configure(DISABLE);
      device.mayComplete = 2;
      host.pollUntilIdle();
      assertThat(host.status()).isZero();
      host.enable();
      assertThat(host.status()).isEqualTo(READY);
      assertThat(device.total()).isEqualTo(2);
    }
  }
}
