package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class RegisterHistoryTest {

  private final RegisterHistory history = new RegisterHistory();

  private void write(long begin, long end, long value) {
    history.add(new RegisterHistory.Access(begin, end, true, value, ""));
  }

  private void read(long begin, long end, long value) {
    history.add(new RegisterHistory.Access(begin, end, false, value, ""));
  }

  private Set<Long> finals() {
    return history.finals(Set.of(0L));
  }

  @Test
  void accesses_oneAfterTheOther_haveOneOrder() {
    read(1, 2, 0);
    write(3, 4, 7);
    read(5, 6, 7);
    assertThat(finals()).containsExactly(7L);
  }

  @Test
  void readThatIsStale_isFound() {
    write(1, 2, 7);
    read(3, 4, 0);
    assertThat(finals()).isEmpty();
  }

  @Test
  void readBesideAWrite_mayHaveEither_butNotNewAndThenOld() {
    write(1, 10, 7);
    read(2, 3, 0);
    read(4, 5, 7);
    assertThat(finals()).containsExactly(7L);
    read(6, 7, 0);
    assertThat(finals()).isEmpty();
  }

  @Test
  void writesAtTheSameTime_mayEndInEither_untilOneIsRead() {
    write(1, 4, 7);
    write(2, 3, 8);
    assertThat(finals()).containsExactlyInAnyOrder(7L, 8L);
    read(5, 6, 7);
    assertThat(finals()).containsExactly(7L);
  }

  @Test
  void writeThatIsLost_isFound() {
    write(1, 8, 0);
    write(2, 3, 1);
    write(4, 5, 2);
    read(9, 10, 1);
    assertThat(finals()).isEmpty();
  }

  @Test
  void valueOfTheFuture_isFound() {
    read(1, 2, 7);
    write(3, 4, 7);
    assertThat(finals()).isEmpty();
  }
}
