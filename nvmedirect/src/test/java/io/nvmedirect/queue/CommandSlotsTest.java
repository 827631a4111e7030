package io.nvmedirect.queue;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandSlotsTest {

  private static final CompletionListener LISTENER = (status, result) -> {};

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 255, 256, 4095, 65535})
  void take_everySlot_givesDistinctIdentifiers(int capacity) {
    CommandSlots slots = new CommandSlots(capacity);
    for (int round = 0; round < 20; round++) {
      Set<Integer> ids = new HashSet<>();
      while (!slots.isFull()) {
        int id = slots.take(LISTENER).commandId;
        assertThat(id).isBetween(0, 0xFFFE);
        ids.add(id);
      }
      assertThat(ids).hasSize(capacity);
      assertThat(slots.inFlight()).isEqualTo(capacity);
      ids.forEach(id -> assertThat(slots.release(id)).isSameAs(LISTENER));
      assertThat(slots.inFlight()).isZero();
    }
  }

  @Test
  void release_twice_isIgnored() {
    CommandSlots slots = new CommandSlots(8);
    int id = slots.take(LISTENER).commandId;
    assertThat(slots.release(id)).isSameAs(LISTENER);
    assertThat(slots.release(id)).isNull();
    assertThat(slots.inFlight()).isZero();
  }

  @Test
  void release_ofAnEarlierUseOfTheSlot_doesNotEndTheNext() {
    CommandSlots slots = new CommandSlots(8);
    int first = slots.take(LISTENER).commandId;
    slots.release(first);
    int second = slots.take(LISTENER).commandId;
    assertThat(second).isNotEqualTo(first);
    assertThat(slots.release(first)).isNull();
    assertThat(slots.inFlight()).isEqualTo(1);
    assertThat(slots.release(second)).isSameAs(LISTENER);
  }

  @Test
  void release_ofNoSlot_isIgnored() {
    CommandSlots slots = new CommandSlots(5);
    slots.take(LISTENER);
    for (int id = 0; id <= 0xFFFF; id++) {
      if (id != slots.anyCommand()) {
        assertThat(slots.release(id)).isNull();
      }
    }
    assertThat(slots.inFlight()).isEqualTo(1);
  }

  @Test
  void expiredCommand_beginsWithTheFirstLook() {
    CommandSlots slots = new CommandSlots(4);
    int id = slots.take(LISTENER).commandId;
    assertThat(slots.expiredCommand(1_000, 100)).isEqualTo(QueuePair.NONE);
    assertThat(slots.expiredCommand(1_100, 100)).isEqualTo(QueuePair.NONE);
    assertThat(slots.expiredCommand(1_101, 100)).isEqualTo(id);
    assertThat(slots.markExpired(id)).isFalse();
    assertThat(slots.expiredCommand(1_102, 100)).isEqualTo(QueuePair.NONE);
    assertThat(slots.expiredCommand(1_202, 100)).isEqualTo(id);
    assertThat(slots.markExpired(id)).isTrue();
  }

  @Test
  void expiredCommand_startsAnewForTheNextCommandOfTheSlot() {
    CommandSlots slots = new CommandSlots(1);
    int first = slots.take(LISTENER).commandId;
    slots.expiredCommand(0, 100);
    slots.expiredCommand(101, 100);
    slots.markExpired(first);
    slots.release(first);
    int second = slots.take(LISTENER).commandId;
    assertThat(slots.expiredCommand(1_000, 100)).isEqualTo(QueuePair.NONE);
    assertThat(slots.expiredCommand(1_101, 100)).isEqualTo(second);
    assertThat(slots.markExpired(second)).isFalse();
  }
}
