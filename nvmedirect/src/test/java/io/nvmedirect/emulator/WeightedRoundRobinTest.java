package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The order in which commands of several full queues are executed. Five queues have eight commands each,
 * whose doorbells in memory are all rung while the controller is in the midst of an admin command: it sees
 * them at once. Orders are written as queue identifiers, by hand from NVMe 1.4, section 4.13.
 */
@ParameterizedClass
@ValueSource(strings = {"inline", "thread"})
@Timeout(300)
class WeightedRoundRobinTest {

  private static final int URGENT = 0;
  private static final int HIGH = 1;
  private static final int MEDIUM = 2;
  private static final int LOW = 3;

  /** Of queues 1 to 5. */
  private static final int[] PRIORITIES = {LOW, HIGH, URGENT, MEDIUM, HIGH};

  private static final int COMMANDS = 8;

  private final RawHost host;
  private final RawHost.Buffer shadow;
  private final RawHost.Buffer events;
  private final List<RawHost.Queue> queues = new ArrayList<>();

  /** Queue identifiers in the order of execution. */
  private final List<Integer> order = new ArrayList<>();

  WeightedRoundRobinTest(String mode) throws IOException {
    host = RawHost.open("mem:1MiB?shadow=on&arbitration=wrr&mode=" + mode);
    shadow = host.buffer(4096);
    events = host.buffer(4096);
  }

  @AfterEach
  void stop() {
    assertThat(host.device.defect()).isNull();
    host.close();
  }

  private void start(int cc) throws IOException {
    host.enable(32, cc);
    shadow.fill(0);
    events.fill(0);
    host.admin().ok(command(0x7C).prp(shadow.iova(), events.iova()));
    queues.clear();
    for (int i = 0; i < PRIORITIES.length; i++) {
      RawHost.Queue queue = host.new Queue(i + 1, 16);
      host.admin().ok(host.createCq(queue, 0));
      host.admin().ok(host.createSq(queue, PRIORITIES[i]));
      queues.add(queue);
    }
  }

  /** AB and the weights, which the feature has zero-based. */
  private void setFeature(int burst, int high, int medium, int low) {
    int value = (high - 1) << 24 | (medium - 1) << 16 | (low - 1) << 8 | burst;
    host.admin().ok(command(0x09).cdw(10, 1).cdw(11, value));
    assertThat(host.admin().ok(command(0x0A).cdw(10, 1))).isEqualTo(value);
  }

  private void ring(RawHost.Queue queue) {
    shadow.u32(8L * queue.id, queue.tail);
  }

  /** Fills queues and shows them to the controller when it executes the next command of {@code trigger}. */
  private void fill(int trigger, List<RawHost.Queue> full) {
    full.forEach(queue -> {
      for (int i = 0; i < COMMANDS; i++) {
        queue.post(command(0).nsid(1));
      }
    });
    boolean[] rung = new boolean[1];
    order.clear();
    host.device.inject((sqid, opcode, nsid, slba, blocks) -> {
      if (sqid == trigger && !rung[0]) {
        rung[0] = true;
        full.forEach(this::ring);
      }
      order.add(sqid);
      return FaultInjector.NONE;
    });
  }

  private static void await(RawHost.Queue queue) {
    for (int i = 0; i < COMMANDS; i++) {
      assertThat(queue.take().statusField()).isZero();
    }
  }

  /** Of all commands: when those of the full queues have ended, none is under way. */
  private String order(List<RawHost.Queue> full) {
    full.forEach(WeightedRoundRobinTest::await);
    return order.stream().map(String::valueOf).collect(Collectors.joining());
  }

  private String orderOfAll() {
    fill(0, queues);
    host.admin().ok(command(0x0A).cdw(10, 1));
    return order(queues);
  }

  @ParameterizedTest
  @CsvSource({
    // AB, high, medium, low: the admin command, then round by round
    "1, 5, 3, 1, 0 33333333 22552 444 1 55225 444 1 22552 44 1 5 1 1 1 1 1",
    "7, 5, 3, 1, 0 33333333 22222 444 1 55555 444 1 22255 44 1 5 1 1 1 1 1",
    "0, 4, 2, 1, 0 33333333 2525 44 1 2525 44 1 2525 44 1 2525 44 1 1 1 1 1",
    "3, 256, 256, 256, 0 33333333 22222222 55555555 44444444 11111111",
    "1, 1, 1, 1, 0 33333333 2 4 1 5 4 1 2 4 1 5 4 1 2 4 1 5 4 1 2 4 1 5 4 1 2 5 2 5 2 5 2 5",
  })
  void commands_areExecutedByWeight(int burst, int high, int medium, int low, String expected)
      throws IOException {
    start(RawHost.ENABLE_WEIGHTED);
    setFeature(burst, high, medium, low);
    assertThat(orderOfAll()).isEqualTo(expected.replace(" ", ""));
  }

  @Test
  void priorities_haveNoEffectWithRoundRobin() throws IOException {
    start(RawHost.ENABLE);
    setFeature(1, 200, 100, 1);
    String turns = orderOfAll().substring(1);
    for (int at = 0; at < turns.length(); at += 10) {
      assertThat(turns.substring(at, at + 10).split("(?<=\\G..)"))
          .as(turns)
          .containsExactlyInAnyOrder("11", "22", "33", "44", "55");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void urgentCommand_waitsForOneBurst(int burst) throws IOException {
    start(RawHost.ENABLE_WEIGHTED);
    setFeature(burst, 8, 8, 8);
    RawHost.Queue low = queues.get(0);
    RawHost.Queue urgent = queues.get(2);
    for (int i = 0; i < COMMANDS; i++) {
      low.post(command(0).nsid(1));
    }
    fill(low.id, List.of(urgent));
    ring(low);
    host.device.write32(0x1000 + 8 * low.id, low.tail);
    await(urgent);
    String before = "1".repeat(1 << burst);
    assertThat(order(List.of(low)))
        .isEqualTo(before + "33333333" + "1".repeat(COMMANDS - before.length()));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void adminCommands_goBeforeUrgentOnes(int admins) throws IOException {
    start(RawHost.ENABLE_WEIGHTED);
    setFeature(0, 1, 1, 1);
    List<RawHost.Queue> urgent = List.of(queues.get(2));
    fill(0, urgent);
    for (int i = 0; i < admins; i++) {
      host.admin().post(command(0x0A).cdw(10, 1));
    }
    host.admin().ring();
    assertThat(order(urgent)).isEqualTo("0".repeat(admins) + "33333333");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 5})
  void credits_thatNobodyUsesGoToOthers(int deleted) throws IOException {
    start(RawHost.ENABLE_WEIGHTED);
    setFeature(0, 2, 1, 1);
    host.admin().ok(command(0x00).cdw(10, deleted));
    int left = 7 - deleted;
    RawHost.Queue low = queues.get(0);
    RawHost.Queue high = queues.get(left - 1);
    fill(0, List.of(low, high));
    host.admin().ok(command(0x0A).cdw(10, 1));
    assertThat(order(List.of(low, high)))
        .isEqualTo("0" + ("" + left + left + "1").repeat(4) + "1111");
  }

  @ParameterizedTest
  @ValueSource(ints = {RawHost.ENABLE_WEIGHTED, RawHost.ENABLE})
  void reset_bringsTheDefaultWeightsBack(int cc) throws IOException {
    start(cc);
    setFeature(1, 5, 3, 1);
    orderOfAll();
    host.device.inject(null);
    host.disable();
    start(RawHost.ENABLE_WEIGHTED);
    assertThat(host.admin().ok(command(0x0A).cdw(10, 1))).isEqualTo(3);
    assertThat(orderOfAll()).startsWith("033333333241541");
  }
}
