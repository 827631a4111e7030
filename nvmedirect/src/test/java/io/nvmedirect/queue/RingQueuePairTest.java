package io.nvmedirect.queue;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.queue.FakeFunction.Rung;
import io.nvmedirect.spec.Cqe;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.QueuePair;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RingQueuePairTest {

  private static final int SQ_DOORBELL = 0x1018;
  private static final int CQ_DOORBELL = 0x101C;

  private final FakeFunction function = new FakeFunction();
  private final List<Integer> statuses = new ArrayList<>();
  private RingQueuePair pair;
  private int deviceTail;
  private int devicePhase = 1;

  @BeforeEach
  void open() throws IOException {
    pair =
        RingQueuePair.allocate(
            3, 4, -1, 2, function, function.doorbell(SQ_DOORBELL), function.doorbell(CQ_DOORBELL));
  }

  @AfterEach
  void close() {
    pair.close();
    assertThat(function.unmapped).as("rings and PRP lists").hasSize(3);
  }

  private int post() {
    long at = pair.claim();
    Sqe.flush(pair.entries(), at, 1);
    pair.post(null, 0, 0, (status, result) -> statuses.add(status));
    return Sqe.commandId(pair.entries(), at);
  }

  private void complete(int commandId, int status) {
    Cqe.publish(
        pair.cqBuffer().segment(),
        (long) deviceTail * Cqe.BYTES,
        0,
        0,
        3,
        commandId,
        status,
        devicePhase);
    deviceTail++;
    if (deviceTail == 4) {
      deviceTail = 0;
      devicePhase ^= 1;
    }
  }

  @Test
  void claim_whenAllSlotsAreInFlight_isFull() {
    for (int i = 0; i < 3; i++) {
      assertThat(pair.claim()).isEqualTo(i * 64L);
      post();
    }
    assertThat(pair.claim()).isEqualTo(QueuePair.FULL);
    assertThat(pair.inFlight()).isEqualTo(3);
  }

  @Test
  void ring_forABatch_writesOneDoorbell() {
    post();
    post();
    assertThat(function.rung).isEmpty();
    pair.ring();
    pair.ring();
    assertThat(function.rung).containsExactly(new Rung(SQ_DOORBELL, 2));
  }

  @Test
  void reap_ofABatch_writesOneHead() {
    int first = post();
    int second = post();
    complete(second, 0);
    complete(first, Status.INVALID_FIELD);
    assertThat(pair.reap(10)).isEqualTo(2);
    assertThat(statuses).containsExactly(0, Status.INVALID_FIELD);
    assertThat(function.rung).containsExactly(new Rung(CQ_DOORBELL, 2));
    assertThat(pair.reap(10)).isZero();
    assertThat(function.rung).hasSize(1);
  }

  @Test
  void reap_overManyTurns_followsThePhase() {
    for (int i = 0; i < 100; i++) {
      complete(post(), 0);
      pair.ring();
      assertThat(pair.reap(1)).isEqualTo(1);
      assertThat(pair.reap(1)).as("stale entries of the turn before").isZero();
    }
    assertThat(statuses).hasSize(100);
    assertThat(function.rung)
        .contains(new Rung(SQ_DOORBELL, 3), new Rung(SQ_DOORBELL, 0), new Rung(CQ_DOORBELL, 0));
  }

  @Test
  void reap_ofAnUnknownCommand_isTakenAndIgnored() {
    int command = post();
    complete(command ^ 0x8000, 0);
    assertThat(pair.reap(10)).isEqualTo(1);
    assertThat(statuses).isEmpty();
    complete(command, 0);
    assertThat(pair.reap(10)).isEqualTo(1);
    assertThat(statuses).containsExactly(0);
  }

  @Test
  void failAll_endsEachCommandOnce() {
    post();
    post();
    pair.failAll(Status.ABORTED_BY_HOST);
    assertThat(statuses).containsExactly(Status.ABORTED_BY_HOST, Status.ABORTED_BY_HOST);
    assertThat(pair.inFlight()).isZero();
    pair.failAll(Status.ABORTED_BY_HOST);
    assertThat(statuses).hasSize(2);
  }

  @Test
  void clear_startsBothRingsAnew() {
    complete(post(), 0);
    pair.ring();
    pair.reap(1);
    pair.clear();
    deviceTail = 0;
    devicePhase = 1;
    assertThat(pair.claim()).isZero();
    complete(post(), 0);
    assertThat(pair.reap(1)).isEqualTo(1);
    assertThat(statuses).containsExactly(0, 0);
  }
}
