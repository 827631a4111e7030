package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AsyncWritesTest {

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void endEpoch_leavesLaterWritesOut(boolean confined) {
    AsyncWrites writes = new AsyncWrites(confined);
    int first = writes.begin();
    int second = writes.begin();
    int ended = writes.endEpoch();
    int later = writes.begin();
    assertThat(writes.left(ended)).isEqualTo(2);
    writes.end(second);
    writes.end(first);
    assertThat(writes.left(ended)).as("a write of the next epoch is under way").isZero();

    int endedLater = writes.endEpoch();
    int last = writes.begin();
    assertThat(writes.left(endedLater)).isEqualTo(1);
    writes.end(later);
    assertThat(writes.left(endedLater)).isZero();
    assertThat(writes.left(writes.endEpoch())).isEqualTo(1);
    writes.end(last);
  }
}
