package io.nvmedirect.vmtest.runner;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.GuestPlan;
import io.nvmedirect.vmtest.Launch;
import io.nvmedirect.vmtest.fixture.MeetingCase;
import io.nvmedirect.vmtest.report.Event;
import io.nvmedirect.vmtest.report.Outcome;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The guest's program on the host, with tests that need no guest. */
@Timeout(300)
final class GuestMainTest {

  private static final String FIXTURES = "io.nvmedirect.vmtest.fixture.";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final Report report = new Report(out);

  @Test
  void chosen_aClassOfThePlan_isRunInItsLaunches() {
    List<Launch> chosen = new GuestMain(report, List.of("IommuGuestTest")).chosen(0);
    assertThat(chosen).extracting(Launch::name).containsExactly("machine");
  }

  @Test
  void chosen_severalClasses_areOneLaunchEach() {
    List<String> names =
        List.of("IommuGuestTest", "NvmedReadTest", "NvmedLseekTest#lseek", FIXTURES + "MixedCase");
    List<Launch> chosen = new GuestMain(report, names).chosen(0);
    assertThat(chosen)
        .extracting(Launch::name)
        .doesNotHaveDuplicates()
        .contains("PLAIN", "ONE_TIB");
    assertThat(chosen.getFirst().selectors())
        .containsExactly("class:io.nvmedirect.vmtest.guest.IommuGuestTest");
    assertThat(chosen.get(1).selectors()).contains("class:io.nvmedirect.compat.NvmedReadTest");
    assertThat(chosen.getLast().name()).isEqualTo("chosen");
    assertThat(chosen.getLast().selectors()).contains("class:" + FIXTURES + "MixedCase");
  }

  @Test
  void chosen_nothing_isThePlan() {
    List<Launch> all = new ArrayList<>();
    for (int part = 0; part < GuestPlan.parts().size(); part++) {
      all.addAll(new GuestMain(report, List.of()).chosen(part));
    }
    assertThat(all).containsExactlyInAnyOrderElementsOf(GuestPlan.launches());
  }

  @Test
  void run_aClassOutsideThePlan() {
    run(List.of(FIXTURES + "MixedCase"));
    assertThat(
            events().stream()
                .filter(Event.Finished.class::isInstance)
                .map(Event.Finished.class::cast))
        .extracting(Event.Finished::outcome)
        .containsExactlyInAnyOrder(
            Outcome.PASSED, Outcome.FAILED, Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED);
    assertThat(events()).endsWith(new Event.Landed("chosen", 5), new Event.Done(5));
  }

  @Test
  void run_oneMethod() {
    run(List.of(FIXTURES + "MixedCase#assumes"));
    assertThat(events()).endsWith(new Event.Landed("chosen", 1), new Event.Done(1));
  }

  @Test
  void run_aClassThatDoesNotExist_fails() {
    run(List.of(FIXTURES + "NoSuchCase"));
    assertThat(events())
        .filteredOn(Event.Finished.class::isInstance)
        .singleElement()
        .asString()
        .contains("FAILED", "NoSuchCase");
  }

  @Test
  void run_concurrentLaunches_meet() {
    MeetingCase.expect(2);
    List<String> selectors = List.of("class:" + MeetingCase.class.getName());
    GuestMain main = new GuestMain(report, List.of());
    main.run(
        List.of(
            new Launch("a", selectors, "", Map.of(MeetingCase.PARAMETER, "1"), true),
            new Launch("b", selectors, "", Map.of(MeetingCase.PARAMETER, "2"), true)));
    assertThat(events())
        .contains(new Event.Landed("a", 1), new Event.Landed("b", 1))
        .endsWith(new Event.Done(2))
        .filteredOn(Event.Published.class::isInstance)
        .extracting(event -> ((Event.Published) event).value())
        .containsExactlyInAnyOrder("1", "2");
    assertThat(events()).noneMatch(event -> event.toString().contains("FAILED"));
  }

  private void run(List<String> tests) {
    GuestMain main = new GuestMain(report, tests);
    main.run(main.chosen(0));
  }

  private List<Event> events() {
    return out.toString(StandardCharsets.UTF_8).lines().map(Event::decode).toList();
  }
}
