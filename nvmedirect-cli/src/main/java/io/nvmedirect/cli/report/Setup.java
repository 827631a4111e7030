package io.nvmedirect.cli.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run was made with.
 *
 * @param facts names and values for people, in the order in which they are shown
 * @param emulated whether the controller is no real one; null if the file does not say
 */
record Setup(List<Fact> facts, @Nullable Boolean emulated) {

  /** One of them, such as CPU and its model. */
  record Fact(String name, String value) {}
}
