package io.nvmedirect.vmtest.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class EventTest {

  static Stream<Event> events() {
    return Stream.of(
        new Event.Launched("plain"),
        new Event.Started(1, "plain", "a.B", "c() > [1] \\ \t \r\n ü"),
        new Event.Finished(2, Outcome.FAILED, 3, "java.lang.Error: x\n\tat a.B.c(B.java:1)\n"),
        new Event.Finished(Long.MAX_VALUE, Outcome.PASSED, 0, ""),
        new Event.Published(4, "table", "a|b\nc|d"),
        new Event.Output(""),
        new Event.Landed("plain", 5),
        new Event.Done(6),
        new Event.Exited(134),
        new Event.Crash("# SIGSEGV (0xb)"));
  }

  @ParameterizedTest
  @MethodSource("events")
  void decode_givesWhatWasEncoded(Event event) {
    assertThat(event.encode()).doesNotContain("\n", "\r");
    assertThat(Event.decode(event.encode())).isEqualTo(event);
  }

  @Test
  void encode_separatesByTabs() {
    assertThat(new Event.Started(7, "l", "a.B", "x\ty\\z").encode())
        .isEqualTo("started\t7\tl\ta.B\tx\\ty\\\\z");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "done",
        "done\tmany",
        "done\t1\t2",
        "finished\t1\tMAYBE\t2\t",
        "started\tx\ta\tb\tc",
        "output\ta\\",
        "output\ta\\x",
        "exited\t99999999999"
      })
  void decode_garbage_isRefused(String line) {
    assertThatThrownBy(() -> Event.decode(line)).isInstanceOf(IllegalArgumentException.class);
  }
}
