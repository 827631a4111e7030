package io.nvmedirect.driver;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.spec.Opcode;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** In which order commands go to the device, with a device that completes when it is told to. */
class SchedulerTest {

  private static final int BLOCK = 8;

  /** Requests of a flow have blocks of their own, by its letter. */
  private static final long BLOCKS_OF_FLOW = 1 << 20;

  private final List<BlockRequest> ended = new ArrayList<>();
  private SimulatedPair pair = new SimulatedPair(255, 0, 0);
  private Scheduler scheduler = new Scheduler(pair, ended::add, 0);

  private void depth(int depth) {
    pair = new SimulatedPair(depth, 0, 0);
    scheduler = new Scheduler(pair, ended::add, 0);
  }

  private static final class Ignoring implements BlockRequest.Listener {
    @Override
    public boolean ended(int status) {
      return false;
    }

    @Override
    public void finished() {}
  }

  private Flow flow(int priority, int weight) {
    Flow flow = new Flow();
    scheduler.change(flow, priority, weight);
    return flow;
  }

  private void add(char letter, Flow flow, int count) {
    add(letter, flow, count, BLOCK);
  }

  private void add(char letter, Flow flow, int count, int blocks) {
    for (int i = 0; i < count; i++) {
      BlockRequest request = new BlockRequest(new Ignoring());
      request.flow(flow);
      // A range without data would cost as little as a command can.
      request.transfer(
          Opcode.READ,
          Simulation.NAMESPACE,
          0,
          (letter - 'A') * BLOCKS_OF_FLOW,
          blocks,
          Buffers.ANY,
          0);
      scheduler.add(request);
    }
  }

  /** Posts what may go, and returns all that the device has seen, a letter a command. */
  private String dispatch() {
    scheduler.dispatch(pair.nowNs);
    pair.ring();
    return seen();
  }

  private String seen() {
    return pair.order.stream()
        .map(slba -> String.valueOf((char) ('A' + slba / BLOCKS_OF_FLOW)))
        .collect(Collectors.joining());
  }

  private void complete(int count) {
    for (int i = 0; i < count; i++) {
      pair.skipToNext();
      scheduler.beforeReap(pair.nowNs);
      assertThat(pair.reap(1)).isOne();
      scheduler.afterReap();
    }
  }

  private String runToEnd() {
    dispatch();
    while (pair.inFlight() > 0) {
      complete(1);
      dispatch();
    }
    return seen();
  }

  private static long count(String order, char letter, int until) {
    return order.substring(0, until).chars().filter(c -> c == letter).count();
  }

  @Test
  void weights_shareCommandsExactly() {
    Flow a = flow(Flow.NORMAL, 300);
    Flow b = flow(Flow.NORMAL, 100);
    Flow c = flow(Flow.NORMAL, 50);
    add('A', a, 120);
    add('B', b, 120);
    add('C', c, 120);
    String order = runToEnd();
    assertThat(order).hasSize(360);
    for (int until = 9; until <= 180; until += 9) {
      assertThat(count(order, 'A', until)).isBetween(until * 6 / 9 - 1L, until * 6 / 9 + 1L);
      assertThat(count(order, 'B', until)).isBetween(until * 2 / 9 - 1L, until * 2 / 9 + 1L);
      assertThat(count(order, 'C', until)).isBetween(until / 9 - 1L, until / 9 + 1L);
    }
  }

  @Test
  void equalWeights_shareBytes() {
    Flow small = flow(Flow.NORMAL, 100);
    Flow large = flow(Flow.NORMAL, 100);
    add('S', small, 100);
    add('L', large, 100, 4 * BLOCK);
    assertThat(count(runToEnd(), 'L', 100)).isBetween(19L, 21L);
  }

  @Test
  void tinyCommands_costAPage() {
    Flow tiny = flow(Flow.NORMAL, 100);
    Flow page = flow(Flow.NORMAL, 100);
    add('T', tiny, 100, 1);
    add('P', page, 100);
    assertThat(count(runToEnd(), 'T', 100)).isBetween(49L, 51L);
  }

  @Test
  void largeRequest_doesNotBlockTheOtherFlow() {
    Flow large = flow(Flow.NORMAL, 100);
    Flow small = flow(Flow.NORMAL, 100);
    // Eight commands of 512 KiB.
    add('L', large, 1, 8 * 1024);
    add('S', small, 100);
    String order = runToEnd();
    assertThat(count(order, 'L', order.length())).isEqualTo(8);
    assertThat(count(order, 'L', order.lastIndexOf('S'))).isOne();
  }

  @Test
  void returnFromIdle_claimsNothingOfThePast() {
    Flow busy = flow(Flow.NORMAL, 100);
    Flow idle = flow(Flow.NORMAL, 100);
    add('B', busy, 50);
    runToEnd();
    pair.order.clear();
    add('B', busy, 50);
    add('I', idle, 50);
    assertThat(count(runToEnd(), 'B', 50)).isBetween(24L, 26L);
  }

  @Test
  void weight_changesWhileRequestsWait() {
    Flow a = flow(Flow.NORMAL, 100);
    Flow b = flow(Flow.NORMAL, 100);
    add('A', a, 200);
    add('B', b, 200);
    dispatch();
    complete(20);
    dispatch();
    int before = pair.order.size();
    scheduler.change(a, Flow.NORMAL, 400);
    String order = runToEnd();
    assertThat(count(order, 'A', before)).isBetween(before / 2 - 1L, before / 2 + 1L);
    String after = order.substring(before);
    assertThat(count(after, 'A', 100)).isBetween(79L, 81L);
  }

  @Test
  void classes_goInTheirOrder() {
    add('B', flow(Flow.BATCH, 1000), 100);
    add('N', flow(Flow.NORMAL, 1), 100);
    add('L', flow(Flow.LATENCY, 1), 10);
    // One of each class that waits, all that are urgent, and the window's rest.
    assertThat(dispatch()).isEqualTo("BNLLLLLLLLLLNN");
  }

  @Test
  void class_changesWhileRequestsWait() {
    Flow changing = flow(Flow.BATCH, 100);
    add('C', changing, 50);
    add('N', flow(Flow.NORMAL, 100), 50);
    assertThat(dispatch()).isEqualTo("C" + "N".repeat(31));
    scheduler.change(changing, Flow.LATENCY, 100);
    // The window is tight now, and full.
    assertThat(dispatch()).isEqualTo("C" + "N".repeat(31) + "C".repeat(49));
  }

  @Test
  void lowerClass_alwaysHasACommandInFlight() {
    depth(4);
    Flow batch = flow(Flow.BATCH, 1);
    add('L', flow(Flow.LATENCY, 1000), 100);
    add('N', flow(Flow.NORMAL, 1000), 5);
    add('B', batch, 5);
    dispatch();
    while (batch.isWaiting()) {
      assertThat(batch.inFlight).isOne();
      complete(1);
      dispatch();
    }
    assertThat(count(seen(), 'L', pair.order.size())).isLessThan(100);
    assertThat(runToEnd()).hasSize(110);
  }

  @Test
  void window_holdsBackAllButTheLatencyClass() {
    add('B', flow(Flow.BATCH, 100), 100);
    assertThat(dispatch()).hasSize(32);
    Flow urgent = flow(Flow.LATENCY, 100);
    add('L', urgent, 100);
    assertThat(dispatch()).hasSize(132);
  }

  @Test
  void flow_isFullWithAsMuchAsTheQueueHasSlots() {
    depth(8);
    Flow a = flow(Flow.NORMAL, 100);
    add('A', a, 7);
    BlockRequest next = new BlockRequest(new Ignoring());
    next.flow(a);
    assertThat(scheduler.hasRoom(next)).isTrue();
    dispatch();
    add('A', a, 1);
    assertThat(scheduler.hasRoom(next)).isFalse();
    BlockRequest other = new BlockRequest(new Ignoring());
    other.flow(flow(Flow.NORMAL, 100));
    assertThat(scheduler.hasRoom(other)).isTrue();
    dispatch();
    complete(1);
    assertThat(scheduler.hasRoom(next)).isTrue();
  }

  @Test
  void failWaiting_endsWhatIsNotInFlight() {
    Flow a = flow(Flow.NORMAL, 100);
    Flow b = flow(Flow.BATCH, 100);
    add('A', a, 40);
    add('B', b, 40);
    scheduler.failWaiting(6);
    assertThat(ended).hasSize(80);
    assertThat(scheduler.hasWaiting()).isFalse();
    assertThat(dispatch()).isEmpty();
  }
}
