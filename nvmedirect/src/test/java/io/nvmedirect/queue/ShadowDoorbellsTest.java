package io.nvmedirect.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.FakeFunction.Rung;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.AdminCommands;
import io.nvmedirect.transport.QueuePair;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which doorbells are written, with a controller that is a test: it sets event indices. */
class ShadowDoorbellsTest {

  private static final int PAGE = 4096;
  private static final int ENTRIES = 4;

  /** Queue 3: tail 1018h, head 101Ch. */
  private static final int TAIL = 0x18;

  private final FakeFunction function = new FakeFunction();
  private final RingTransport transport = new RingTransport(function);
  private final List<String> executed = new ArrayList<>();
  private @Nullable DmaBuffer pages;
  private boolean refuse;

  private final AdminCommands admin = this::execute;

  private int execute(
      String what, AdminCommands.Encoder command, @Nullable DmaBuffer data, long lengthBytes)
      throws IOException {
    executed.add(what);
    if (what.startsWith("Doorbell")) {
      pages = data;
      assertThat(lengthBytes).isEqualTo(2 * PAGE);
      if (refuse) {
        throw new NvmeException("refused", Status.INVALID_OPCODE);
      }
    }
    return 0;
  }

  @AfterEach
  void close() {
    transport.close();
  }

  private MemorySegment memory() {
    return Objects.requireNonNull(pages).segment();
  }

  private int shadow(int offset) {
    return memory().get(ValueLayout.JAVA_INT, offset);
  }

  private void event(int offset, int value) {
    memory().set(ValueLayout.JAVA_INT, PAGE + offset, value);
  }

  private RingQueuePair open(int qid) throws IOException {
    return (RingQueuePair) transport.openQueue(qid, ENTRIES, -1, 2);
  }

  private static void submit(QueuePair pair) {
    long at = pair.claim();
    Sqe.flush(pair.entries(), at, 1);
    pair.post(null, 0, 0, (status, result) -> {});
    pair.ring();
    // As if it had ended, so that the ring is never full.
    pair.failAll(Status.ABORTED_BY_HOST);
  }

  @Test
  void ring_writesTheRegisterWhenTheEventIndexIsPassed() throws IOException {
    transport.useShadowDoorbells(admin);
    RingQueuePair pair = open(3);
    pair.create(admin);
    submit(pair);
    assertThat(function.rung).as("0 to 1 passes 0").containsExactly(new Rung(0x1000 + TAIL, 1));
    assertThat(shadow(TAIL)).isEqualTo(1);
    function.rung.clear();

    submit(pair);
    submit(pair);
    assertThat(function.rung).as("the controller looks by itself").isEmpty();
    assertThat(shadow(TAIL)).isEqualTo(3);

    event(TAIL, 3);
    submit(pair);
    assertThat(function.rung).as("3 to 0 passes 3").containsExactly(new Rung(0x1000 + TAIL, 0));
    assertThat(shadow(TAIL)).isZero();
    function.rung.clear();

    event(TAIL, 2);
    submit(pair);
    submit(pair);
    assertThat(function.rung).as("0 to 2 does not pass 2").isEmpty();
    submit(pair);
    assertThat(function.rung).as("2 to 3 does").containsExactly(new Rung(0x1000 + TAIL, 3));
    pair.close();
  }

  @Test
  void passes_isAnEventWithinTheStepAroundTheRing() {
    for (int entries : new int[] {2, 3, 64, 1000}) {
      int step = entries > 100 ? 37 : 1;
      for (int old = 0; old < entries; old += step) {
        for (int added = 1; added < entries; added += step) {
          for (int ahead = 0; ahead < entries; ahead += step) {
            int value = (old + added) % entries;
            int event = (old + ahead) % entries;
            assertThat(ShadowDoorbell.passes(event, old, value))
                .as("entries=%d, event=%d, old=%d, value=%d", entries, event, old, value)
                .isEqualTo(ahead < added);
          }
        }
      }
    }
    assertThat(ShadowDoorbell.passes(65535, 65535, 0)).as("the largest queue").isTrue();
    assertThat(ShadowDoorbell.passes(0, 65535, 0)).isFalse();
    assertThat(ShadowDoorbell.passes(0, 65534, 1)).isTrue();
  }

  @Test
  void create_startsFromCleanEntries() throws IOException {
    transport.useShadowDoorbells(admin);
    RingQueuePair first = open(3);
    first.create(admin);
    submit(first);
    submit(first);
    event(TAIL, 2);
    event(TAIL + 4, 2);
    first.delete(admin);
    first.close();
    RingQueuePair second = open(3);
    second.create(admin);
    assertThat(shadow(TAIL)).isZero();
    assertThat(memory().get(ValueLayout.JAVA_LONG, PAGE + TAIL)).as("events").isZero();
    function.rung.clear();
    submit(second);
    assertThat(function.rung).containsExactly(new Rung(0x1000 + TAIL, 1));
    second.close();
  }

  @Test
  void adminQueue_alwaysWritesRegisters() throws IOException {
    QueuePair queue = transport.openAdminQueue(ENTRIES);
    transport.useShadowDoorbells(admin);
    submit(queue);
    submit(queue);
    assertThat(function.rung).containsExactly(new Rung(0x1000, 1), new Rung(0x1000, 2));
    queue.close();
  }

  @Test
  void queuesBeyondThePage_writeRegisters() throws IOException {
    function.capabilities = 8L << 32; // CAP.DSTRD: 1024 bytes from one doorbell to the next
    transport.useShadowDoorbells(admin);
    RingQueuePair last = open(1);
    RingQueuePair beyond = open(2);
    last.create(admin);
    beyond.create(admin);
    submit(last);
    submit(last);
    submit(beyond);
    submit(beyond);
    assertThat(function.rung)
        .containsExactly(new Rung(0x1800, 1), new Rung(0x2000, 1), new Rung(0x2000, 2));
    assertThat(shadow(0x800)).isEqualTo(2);
    last.close();
    beyond.close();
  }

  @Test
  void controllerThatRefuses_getsRegisters() throws IOException {
    refuse = true;
    assertThatThrownBy(() -> transport.useShadowDoorbells(admin)).isInstanceOf(NvmeException.class);
    RingQueuePair pair = open(3);
    pair.create(admin);
    submit(pair);
    submit(pair);
    assertThat(function.rung).hasSize(2);
    pair.close();
  }

  @Test
  void controllerThatRefusesAfterAReset_getsRegistersAgain() throws IOException {
    QueuePair adminQueue = transport.openAdminQueue(ENTRIES);
    transport.useShadowDoorbells(admin);
    RingQueuePair pair = open(3);
    pair.create(admin);
    submit(pair);
    submit(pair);
    assertThat(function.rung).hasSize(1);
    transport.attachAdminQueue(adminQueue);
    refuse = true;
    assertThatThrownBy(() -> transport.useShadowDoorbells(admin)).isInstanceOf(NvmeException.class);
    pair.create(admin);
    submit(pair);
    submit(pair);
    assertThat(function.rung).hasSize(3);
    pair.close();
    adminQueue.close();
  }

  @Test
  void useShadowDoorbells_again_clearsThePages() throws IOException {
    transport.useShadowDoorbells(admin);
    MemorySegment before = memory();
    before.fill((byte) 5);
    transport.useShadowDoorbells(admin);
    assertThat(memory()).as("the same memory").isEqualTo(before);
    assertThat(memory().toArray(ValueLayout.JAVA_BYTE)).containsOnly((byte) 0);
    assertThat(executed).containsExactly("Doorbell Buffer Config", "Doorbell Buffer Config");
    transport.close();
    assertThat(function.unmapped).hasSize(1);
  }

  @Test
  void doorbells_ofAControllerThatMaySleep_areAnnounced() throws IOException {
    QueuePair adminQueue = transport.openAdminQueue(ENTRIES);
    QueuePair plain = transport.openQueue(2, ENTRIES, -1, 0);
    transport.useShadowDoorbells(admin);
    QueuePair shadowed = transport.openQueue(3, ENTRIES, -1, 0);
    try {
      for (QueuePair pair : List.of(adminQueue, plain, shadowed)) {
        long at = pair.claim();
        Sqe.flush(pair.entries(), at, 1);
        pair.post(null, 0, 0, (status, result) -> {});
        pair.ring();
      }
      assertThat(function.announced)
          .as("not the mapped one of queue 2")
          .containsExactly(0x1000, 0x1018);
      assertThat(function.rung).hasSize(3);
    } finally {
      adminQueue.close();
      plain.close();
      shadowed.close();
    }
  }
}
